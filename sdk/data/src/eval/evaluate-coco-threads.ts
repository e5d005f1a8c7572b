import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type CocoGrid, cocoGrid } from './coco-grid.js';
import type { CocoDetections, CocoGroundTruth } from './coco-tables.js';
import {
  type CocoArrays,
  type CocoEvaluation,
  categoryEvaluator,
  createCocoArrays,
  describeCoco,
  evaluateCoco,
} from './evaluate-coco.js';

/** Below this number of detections a thread takes longer to start than it saves. */
const leastDetections = 50_000;
/** More threads share one memory and gain nothing. */
const mostThreads = 8;

/** What a thread needs; the columns and the arrays are shared memory. */
export interface CategoryWork {
  readonly groundTruth: CocoGroundTruth;
  readonly detections: CocoDetections;
  readonly grid: CocoGrid;
  readonly arrays: CocoArrays;
  /** [K] categories, those with most detections first. */
  readonly order: readonly number[];
  /** One int32: how many of `order` are taken. */
  readonly taken: SharedArrayBuffer;
}

/**
 * {@link evaluateCoco} with the categories spread over threads, this one included; a small workload stays in this one.
 * The result is the same to the last bit.
 * @param threads default: one for each core, at most 8
 */
export async function evaluateCocoInThreads(
  groundTruth: CocoGroundTruth,
  detections: CocoDetections,
  grid: CocoGrid = cocoGrid,
  threads = Math.min(availableParallelism(), mostThreads),
): Promise<CocoEvaluation> {
  const K = groundTruth.categories.length;
  const count = Math.min(threads, K);
  if (count < 2 || detections.scores.length < leastDetections) return evaluateCoco(groundTruth, detections, grid);
  const perCategory = new Int32Array(K);
  for (const k of detections.categoryIndex) perCategory[k]!++;
  const work: CategoryWork = {
    groundTruth: shared(groundTruth),
    detections: shared(detections),
    grid,
    arrays: createCocoArrays(K, grid, (bytes) => new SharedArrayBuffer(bytes)),
    order: [...perCategory.keys()].sort((a, b) => perCategory[b]! - perCategory[a]!),
    taken: new SharedArrayBuffer(4),
  };
  const others = Array.from({ length: count - 1 }, () => runThread(work));
  evaluateCategories(work);
  await Promise.all(others);
  return describeCoco(groundTruth, grid, work.arrays);
}

/** Takes one category after the other until none is left. */
export function evaluateCategories({ groundTruth, detections, grid, arrays, order, taken }: CategoryWork): void {
  const counter = new Int32Array(taken);
  const evaluateCategory = categoryEvaluator(groundTruth, detections, grid, arrays);
  for (;;) {
    const position = Atomics.add(counter, 0, 1);
    if (position >= order.length) return;
    evaluateCategory(order[position]!);
  }
}

function runThread(work: CategoryWork): Promise<void> {
  return new Promise((resolve, reject) => {
    // The options of the process may not suit a thread (--input-type).
    const worker = new Worker(new URL('./coco-worker.js', import.meta.url), { workerData: work, execArgv: [] });
    worker.on('error', reject);
    worker.on('exit', () => resolve());
  });
}

/** The same columns in shared memory. */
function shared<T extends object>(columns: T): T {
  const entries = Object.entries(columns).map(([name, value]) => [
    name,
    ArrayBuffer.isView(value) ? copy(value) : value,
  ]);
  return Object.fromEntries(entries) as T;
}

function copy(view: ArrayBufferView): ArrayBufferView {
  const column = view as Float64Array;
  const Column = column.constructor as new (memory: SharedArrayBuffer) => Float64Array;
  const out = new Column(new SharedArrayBuffer(column.byteLength));
  out.set(column);
  return out;
}
