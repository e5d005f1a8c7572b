import { readFileSync } from 'node:fs';
import type { QdqSettings } from './qdq-plan.js';

/** Devices that a quantized file is written for: they compute other integer types fast. */
export const quantizeTargets = ['cpu-x64', 'cpu-arm64', 'tensorrt'] as const;
export type QuantizeTarget = (typeof quantizeTargets)[number];

/** First operator set whose QuantizeLinear takes float16. */
const halfFloatOpset = 19;

/**
 * Integer types of a target. `cpu-x64`: uint8 activations and int8 weights, the pair that x64 multiplies; `cpu-arm64`:
 * int8 both. One file cannot serve both: on x64 int8 activations measured 1.18 times the speed of float32, uint8 1.84.
 * `tensorrt`: symmetric int8 in front of each layer, float biases, both operations behind a weight, and float16 elsewhere
 * where the operator set has it. Source: NVIDIA Model-Optimizer's int8 recipe for ONNX. Not run on hardware.
 * @param hasReducedWeights `cpu-x64`: 7-bit weights, for processors without VNNI, whose 16-bit sums of products saturate
 * @param opset of the model
 */
export function targetSettings(target: QuantizeTarget, hasReducedWeights: boolean, opset: number): QdqSettings {
  if (target === 'tensorrt') {
    return {
      activation: { type: 'int8', isSymmetric: true },
      weight: { type: 'int8', isSymmetric: true },
      isPerChannel: true,
      hasQuantizedOutputs: false,
      hasIntegerBias: false,
      hasWeightPairs: true,
      quantizesSkipOnly: true,
      hasHalfFloats: opset >= halfFloatOpset,
    };
  }
  return {
    activation: { type: target === 'cpu-x64' ? 'uint8' : 'int8', isSymmetric: false },
    weight: { type: 'int8', isSymmetric: true, isReduced: target === 'cpu-x64' && hasReducedWeights },
    isPerChannel: true,
    hasQuantizedOutputs: true,
    hasIntegerBias: true,
    hasWeightPairs: false,
  };
}

/**
 * Whether this machine's processor adds 8-bit products in 32 bits. Linux on x64 says so in its flags; elsewhere unknown.
 * @param cpuInfo text of /proc/cpuinfo
 */
export function hasVnni(cpuInfo = readCpuInfo()): boolean | undefined {
  const flags = /^flags\s*:(.*)$/m.exec(cpuInfo)?.[1];
  return flags === undefined ? undefined : /\b(avx512_vnni|avx_vnni)\b/.test(flags);
}

function readCpuInfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
}
