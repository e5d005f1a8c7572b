import { availableParallelism } from 'node:os';
import type { ModelInput } from '@plumbline/contract';
import type { ImageRgb } from '@plumbline/core/image';
import { InferenceSession } from 'onnxruntime-node';
import { feedFrame } from './feed.js';

/** Runs a graph on frames and hands out any of its float outputs: for calibration and comparison of graphs. */
export interface FrameRunner {
  /** @returns the named outputs, row-major */
  run(image: ImageRgb, outputs: readonly string[]): Promise<Map<string, Float32Array>>;
  dispose(): Promise<void>;
}

/**
 * @param model bytes of an .onnx file
 * @param input what it takes
 * @param threads of one run; every core when absent
 */
export async function createFrameRunner(
  model: Uint8Array,
  input: ModelInput,
  threads = availableParallelism(),
): Promise<FrameRunner> {
  const session = await InferenceSession.create(model, {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
  });
  return {
    async run(image, outputs) {
      const { feeds } = feedFrame(input, image);
      const results = await session.run(feeds, [...outputs]);
      return new Map(outputs.map((name) => [name, results[name]!.data as Float32Array]));
    },
    dispose: () => session.release(),
  };
}
