import { cpus, totalmem } from 'node:os';
import { performance } from 'node:perf_hooks';
import type { ImageRgb } from '@plumbline/core/image';
import type { Detector } from '../detector/index.js';
import { onnxRuntimeVersion } from '../session/index.js';

/** What a figure was measured on; figures of different machines are not comparable. */
export interface HardwareFacts {
  readonly cpu: string;
  /** Logical processors. */
  readonly cores: number;
  readonly memoryBytes: number;
  readonly node: string;
  readonly onnxruntime: string;
}

export interface InferenceFigures {
  readonly frames: number;
  readonly seconds: number;
  /** One frame after the other, from decoded pixels to final boxes. */
  readonly framesPerSecond: number;
  readonly ms: { readonly mean: number; readonly p50: number; readonly p95: number; readonly min: number };
  /** 0..1: part of the time that was not spent inside ONNX Runtime. */
  readonly shareOutsideOnnxRuntime: number;
  readonly detectionsPerFrame: number;
}

export function hardwareFacts(): HardwareFacts {
  const processors = cpus();
  return {
    cpu: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memoryBytes: totalmem(),
    node: process.versions.node,
    onnxruntime: onnxRuntimeVersion(),
  };
}

/**
 * Runs a detector over the images in turn, one frame at a time, for the given time after a few warm-up frames.
 * @param images at least one; buffers of a worker detector travel there and back
 */
export async function benchmarkDetector(
  detector: Detector,
  images: readonly ImageRgb[],
  seconds: number,
  onProgress: (elapsedSeconds: number) => void = () => {},
): Promise<InferenceFigures> {
  const frames = [...images];
  const run = async (index: number) => {
    const startedMs = performance.now();
    const result = await detector.detect(frames[index]!);
    const totalMs = performance.now() - startedMs;
    frames[index] = result.image;
    return { totalMs, inferenceMs: result.timingsMs.inference, detections: result.detections.length };
  };
  for (let i = 0; i < Math.max(3, Math.min(frames.length, 10)); i++) await run(i % frames.length);
  const runs: Awaited<ReturnType<typeof run>>[] = [];
  const startedMs = performance.now();
  let elapsedMs = 0;
  while (elapsedMs < seconds * 1000 || runs.length === 0) {
    runs.push(await run(runs.length % frames.length));
    elapsedMs = performance.now() - startedMs;
    onProgress(Math.min(seconds, elapsedMs / 1000));
  }
  const sum = (pick: (r: (typeof runs)[number]) => number) => runs.reduce((total, r) => total + pick(r), 0);
  const sorted = runs.map((r) => r.totalMs).sort((a, b) => a - b);
  return {
    frames: runs.length,
    seconds: elapsedMs / 1000,
    framesPerSecond: (1000 * runs.length) / elapsedMs,
    ms: {
      mean: sum((r) => r.totalMs) / runs.length,
      p50: quantile(sorted, 0.5),
      p95: quantile(sorted, 0.95),
      min: sorted[0]!,
    },
    shareOutsideOnnxRuntime: 1 - sum((r) => r.inferenceMs) / elapsedMs,
    detectionsPerFrame: sum((r) => r.detections) / runs.length,
  };
}

/** Nearest rank of an ascending list. */
export function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))]!;
}
