import { isPlumblineError, type PlumblineError } from '@plumbline/contract';
import { parseDatasetSpec, readDataset } from './dataset.js';
import { findUnlabelledImages } from './deeppcb.js';
import { readImageRgb } from './image.js';
import type { SampleRef } from './sample.js';

/** One thing that is wrong with a dataset. */
export interface DatasetProblem {
  file: string;
  /** 1-based; absent when the whole file is meant. */
  line?: number;
  code: string;
  message: string;
}

/** What a dataset holds. Bad boxes and images are listed in `problems` and not counted. */
export interface DatasetInspection {
  images: number;
  boxes: number;
  /** Boxes of each class. */
  classes: Record<string, number>;
  /** Quantiles of the square root of the box area, px; null when there is no box. */
  boxSide: { p05: number; p50: number; p95: number } | null;
  problems: DatasetProblem[];
}

/** Images decoded at the same time; libvips brings its own threads. */
const concurrency = 4;

/**
 * Reads every label and decodes every image of a dataset, and lists all that is wrong instead of stopping at the first.
 * @param onProgress called after each decoded image
 * @throws {PlumblineError} PLB_DATA_SPEC_INVALID, PLB_DATA_SPLIT_UNKNOWN, PLB_DATA_SPLIT_EMPTY, PLB_DATA_FOLDER_UNREADABLE
 */
export async function inspectDataset(
  spec: string,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<DatasetInspection> {
  const problems: PlumblineError[] = [];
  const dataset = await readDataset(spec, (problem) => problems.push(problem));
  const { path, split } = parseDatasetSpec(spec);
  if (split === 'all') problems.push(...(await findUnlabelledImages(path)));
  const readable = await decodeAll(dataset.samples, problems, onProgress);

  const classes = Object.fromEntries(dataset.classes.map((name) => [name, 0]));
  const sides: number[] = [];
  for (const { gtLabels, gtBoxesXyxy } of readable) {
    for (let i = 0; i < gtLabels.length; i++) {
      classes[dataset.classes[gtLabels[i]!]!]! += 1;
      const [x1, y1, x2, y2] = gtBoxesXyxy.subarray(i * 4, i * 4 + 4) as unknown as [number, number, number, number];
      sides.push(Math.sqrt((x2 - x1) * (y2 - y1)));
    }
  }
  sides.sort((a, b) => a - b);
  const boxSide =
    sides.length > 0 ? { p05: quantile(sides, 0.05), p50: quantile(sides, 0.5), p95: quantile(sides, 0.95) } : null;
  return {
    images: readable.length,
    boxes: sides.length,
    classes,
    boxSide,
    problems: problems.map(toProblem).sort(byPlace),
  };
}

async function decodeAll(
  samples: readonly SampleRef[],
  problems: PlumblineError[],
  onProgress: (done: number, total: number) => void,
): Promise<SampleRef[]> {
  const unreadable = new Set<SampleRef>();
  let next = 0;
  let done = 0;
  const worker = async () => {
    while (next < samples.length) {
      const sample = samples[next++]!;
      try {
        await readImageRgb(sample.file);
      } catch (error) {
        if (!isPlumblineError(error)) throw error;
        problems.push(error);
        unreadable.add(sample);
      }
      onProgress(++done, samples.length);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return samples.filter((sample) => !unreadable.has(sample));
}

function toProblem(error: PlumblineError): DatasetProblem {
  const { file, line } = error.params as { file: string; line?: number };
  return { file, ...(line === undefined ? {} : { line }), code: error.code, message: error.message };
}

function byPlace(a: DatasetProblem, b: DatasetProblem): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return (a.line ?? 0) - (b.line ?? 0);
}

/** Linear interpolation between the two nearest of the ascending values. */
function quantile(ascending: readonly number[], q: number): number {
  const position = (ascending.length - 1) * q;
  const below = Math.floor(position);
  const low = ascending[below]!;
  const high = ascending[Math.min(below + 1, ascending.length - 1)]!;
  return low + (high - low) * (position - below);
}
