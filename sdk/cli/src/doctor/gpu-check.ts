import type { NvidiaState, TensorflowProbe } from '@plumbline/train/engines';
import type { Check } from './check.js';
import { runProgram } from './run-program.js';

/** What answers on this machine, as far as training goes. */
export interface GpuFacts {
  nvidia: NvidiaState;
  /** The tensorflow engine's answer; undefined if it is not set up. */
  tensorflow: TensorflowProbe | undefined;
  /** Name of the graphics device the webgpu engine would open; a software one does not count. */
  webgpu: string | undefined;
}

/** The line for the graphics card: driver and device, and the engine that computes on it. */
export function describeGpu({ nvidia, tensorflow, webgpu }: GpuFacts): Check {
  const common = { id: 'gpu', required: false, expected: 'a graphics card that an engine computes on' };
  if (!nvidia.ok && webgpu === undefined) {
    const found = `none: ${nvidia.reason}; no device answers to WebGPU`;
    const fix =
      "To train on a card: install its driver, then `plumbline doctor --setup tensorflow --cuda` (NVIDIA) or `npm install webgpu@0.6` (any vendor's).";
    return { ...common, ok: false, found, fix };
  }
  const card = nvidia.ok
    ? `${nvidia.devices.map(({ name }) => name).join(', ')}, NVIDIA driver ${nvidia.driverVersion}`
    : webgpu;
  const engine = engineThatUsesIt(tensorflow, webgpu);
  if (engine) return { ...common, ok: true, found: `${card}: ${engine}`, fix: '' };
  return {
    ...common,
    ok: false,
    found: `${card}: no engine uses it`,
    fix: 'For training on it: `plumbline doctor --setup tensorflow --cuda`.',
  };
}

function engineThatUsesIt(tensorflow: TensorflowProbe | undefined, webgpu: string | undefined): string | undefined {
  if (tensorflow?.ok && tensorflow.device !== 'cpu') return `the tensorflow engine computes on ${tensorflow.device}`;
  if (webgpu === undefined) return undefined;
  // `auto` prefers TensorFlow even on the processor.
  const how = tensorflow ? 'is there for it; auto takes tensorflow on the processor' : 'computes on it';
  return `the webgpu engine (--engine webgpu) ${how}`;
}

/** Asks in a process of its own, since a graphics driver may end one. */
export async function findWebgpuName(): Promise<string | undefined> {
  const script = `import(${JSON.stringify(import.meta.resolve('@plumbline/train/engines'))})
    .then((engines) => engines.findWebgpuDevice())
    .then((device) => process.stdout.write(device && !device.isSoftware ? device.name : '', () => process.exit(0)))
    .catch(() => process.exit(1));`;
  const result = await runProgram(process.execPath, ['-e', script]);
  return result.ok && result.output !== '' ? result.output : undefined;
}
