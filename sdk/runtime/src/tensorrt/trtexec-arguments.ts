import type { EngineSettings } from '@plumbline/contract';
import { dataType, type OnnxModel, toNumber } from '../onnx/index.js';
import { isVersionAtLeast } from './find-trtexec.js';

export interface TrtexecJob {
  /** Path of the .onnx file. */
  readonly modelPath: string;
  readonly model: OnnxModel;
  /** Where the engine goes. */
  readonly enginePath: string;
  readonly timingCache: string;
  readonly settings: EngineSettings;
}

/**
 * The arguments that build an engine without running it. The types of the graph are kept: from TensorRT 10 on by
 * --stronglyTyped (accepted without effect from 11 on); before it, integers and half floats have to be allowed where the
 * graph has them. --verbose, since without it the minutes of kernel selection pass without a line.
 * Source: samples/trtexec of NVIDIA/TensorRT; --skipInference is --buildOnly before 8.6, and 10.3 refuses --buildOnly.
 * @param version of TensorRT, `10.3.0`
 */
export function trtexecArguments(job: TrtexecJob, version: string): string[] {
  const { modelPath, model, enginePath, timingCache, settings } = job;
  const { workspaceMib, optimizationLevel } = settings;
  return [
    `--onnx=${modelPath}`,
    `--saveEngine=${enginePath}`,
    `--timingCacheFile=${timingCache}`,
    isVersionAtLeast(version, '8.6') ? '--skipInference' : '--buildOnly',
    ...(isVersionAtLeast(version, '10') ? ['--stronglyTyped'] : precisionFlags(model)),
    ...(optimizationLevel === null ? [] : [`--builderOptimizationLevel=${optimizationLevel}`]),
    ...(workspaceMib === null ? [] : [`--memPoolSize=workspace:${workspaceMib}`]),
    '--verbose',
  ];
}

/** --int8 only for a graph with ranges of its own: for any other trtexec would make ranges up. */
function precisionFlags({ graph }: OnnxModel): string[] {
  const isQuantized = graph.node.some(({ op_type }) => op_type === 'QuantizeLinear' || op_type === 'DequantizeLinear');
  const castsToHalf = graph.node.some(
    ({ op_type, attribute }) =>
      op_type === 'Cast' && attribute.some(({ name, i }) => name === 'to' && toNumber(i ?? 0) === dataType.float16),
  );
  const hasHalf = castsToHalf || graph.initializer.some(({ data_type }) => data_type === dataType.float16);
  return [...(isQuantized ? ['--int8'] : []), ...(hasHalf ? ['--fp16'] : [])];
}
