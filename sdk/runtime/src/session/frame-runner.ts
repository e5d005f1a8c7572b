import { availableParallelism } from 'node:os';
import type { ModelInput } from '@plumbline/contract';
import type { ImageRgb } from '@plumbline/core/image';
import type { InferenceSession } from 'onnxruntime-node';
import { feedFrame } from './feed.js';
import { onnxruntime } from './onnxruntime.js';

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
 * @throws {PlumblineError} PLB_RUNTIME_ONNXRUNTIME_UNUSABLE
 */
export async function createFrameRunner(model: Uint8Array, input: ModelInput, threads?: number): Promise<FrameRunner> {
  const session = await openBytes(model, threads);
  return {
    async run(image, outputs) {
      const { feeds } = feedFrame(input, image);
      const results = await session.run(feeds, [...outputs]);
      return new Map(outputs.map((name) => [name, results[name]!.data as Float32Array]));
    },
    dispose: () => session.release(),
  };
}

/** Runs a graph on float tensors: for the study of parts of a detector. */
export interface ValueRunner {
  /** @returns the named outputs, row-major, and the time inside ONNX Runtime */
  run(
    inputs: Readonly<Record<string, { readonly data: Float32Array; readonly dims: readonly number[] }>>,
    outputs: readonly string[],
  ): Promise<{ readonly values: Map<string, ArrayLike<unknown>>; readonly ms: number }>;
  dispose(): Promise<void>;
}

/**
 * @param model bytes of an .onnx file
 * @throws {PlumblineError} PLB_RUNTIME_ONNXRUNTIME_UNUSABLE
 */
export async function createValueRunner(model: Uint8Array, threads?: number): Promise<ValueRunner> {
  const { Tensor } = onnxruntime();
  const session = await openBytes(model, threads);
  return {
    async run(inputs, outputs) {
      const feeds = Object.entries(inputs).map(
        ([name, { data, dims }]) => [name, new Tensor('float32', data, dims)] as const,
      );
      const startedMs = performance.now();
      const results = await session.run(Object.fromEntries(feeds), [...outputs]);
      const ms = performance.now() - startedMs;
      return { values: new Map(outputs.map((name) => [name, results[name]!.data as ArrayLike<unknown>])), ms };
    },
    dispose: () => session.release(),
  };
}

function openBytes(model: Uint8Array, threads = availableParallelism()): Promise<InferenceSession> {
  return onnxruntime().InferenceSession.create(model, {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
  });
}
