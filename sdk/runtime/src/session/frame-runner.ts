import { availableParallelism } from 'node:os';
import type { ImageRgb } from '@plumbline/core/image';
import { InferenceSession, Tensor } from 'onnxruntime-node';

/** Runs a graph that takes a frame and hands out any of its float outputs: for calibration and comparison of graphs. */
export interface FrameRunner {
  /** @returns the named outputs, row-major */
  run(image: ImageRgb, outputs: readonly string[]): Promise<Map<string, Float32Array>>;
  dispose(): Promise<void>;
}

/**
 * @param model bytes of an .onnx file whose input `inputName` is uint8 [1, H, W, 3]
 * @param threads of one run; every core when absent
 */
export async function createFrameRunner(
  model: Uint8Array,
  inputName: string,
  threads = availableParallelism(),
): Promise<FrameRunner> {
  const session = await InferenceSession.create(model, {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
  });
  return {
    async run({ width, height, data }, outputs) {
      const feeds = { [inputName]: new Tensor('uint8', data, [1, height, width, 3]) };
      const results = await session.run(feeds, [...outputs]);
      return new Map(outputs.map((name) => [name, results[name]!.data as Float32Array]));
    },
    dispose: () => session.release(),
  };
}
