import { resolve } from 'node:path';
import { isPlumblineError, type PlumblineError } from '@plumbline/contract';
import {
  type Dataset,
  type DatasetSpec,
  mapConcurrently,
  parseDatasetSpec,
  readDataset,
  readImageRgb,
  type SampleRef,
} from '../dataset/index.js';
import { listSplits, mustBeDisjoint, type SplitImages } from '../dataset/splits.js';
import {
  type DisjointPair,
  describeNearPairs,
  findRepeatedBoxes,
  findRepeatedImages,
  findSharedImages,
  findUnpairedFiles,
  findUnusedRange,
  leaksOf,
  type NearDuplicate,
} from './find-problems.js';
import { findNearPairs, type ImageSignature, signatureOf } from './near-duplicates.js';
import { type BoxMeasures, type LabelStatistics, measureBoxes, summarizeLabels } from './statistics.js';

/** One thing that is wrong with a dataset. */
export interface DatasetProblem {
  file: string;
  /** 1-based; absent when the whole file is meant. */
  line?: number;
  code: string;
  message: string;
}

/** What a dataset holds. Bad boxes and images are listed in `problems` and not counted. */
export interface DatasetInspection extends LabelStatistics {
  readonly problems: readonly DatasetProblem[];
  /** Images that look the same, nearest first, those across splits included. */
  readonly nearDuplicates: readonly NearDuplicate[];
}

/** For plots and thumbnails. */
export interface InspectedDataset {
  readonly dataset: Dataset;
  readonly measures: BoxMeasures;
  readonly inspection: DatasetInspection;
}

export interface InspectOptions {
  /** Bits of 256 that the hashes of two images may differ in to be reported, 0..15. */
  readonly nearBits?: number;
  /** Specs of other datasets that must have no image in common with this one. */
  readonly against?: readonly string[];
  /** Called after each decoded image. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Images decoded at the same time; libvips brings its own threads. */
const concurrency = 4;
/** Up to here, pairs of boards, steel strips and photographs looked the same; unrelated images begin at 40. */
const defaultNearBits = 6;

/**
 * Reads every label and decodes every image of a dataset, and lists all that is wrong instead of stopping at the first:
 * bad labels and images, files without a partner, boxes that stand twice, images that splits share, and images that look
 * the same within the split and between splits that must not meet.
 * @throws {PlumblineError} PLB_DATA_SPEC_INVALID, PLB_DATA_SPLIT_UNKNOWN, PLB_DATA_SPLIT_EMPTY,
 *   PLB_DATA_FOLDER_UNREADABLE and those of a file that lists the images
 */
export async function inspectDataset(spec: string, options: InspectOptions = {}): Promise<InspectedDataset> {
  const problems: PlumblineError[] = [];
  const parsed = parseDatasetSpec(spec);
  const dataset = await readDataset(spec, (problem) => problems.push(problem));
  problems.push(...(await findUnpairedFiles(parsed, dataset.samples)), ...findRepeatedBoxes(dataset));

  const own: SplitImages = { name: spec, files: filesOf(dataset) };
  const pairs = pairsOf(parsed, await listSplits(parsed));
  for (const other of options.against ?? []) {
    pairs.push({ a: own, b: { name: other, files: filesOf(await readDataset(other, () => {})) } });
  }
  problems.push(...findSharedImages(pairs));

  const others = new Set(pairs.flatMap(({ a, b }) => [...a.files, ...b.files]).filter((file) => !own.files.has(file)));
  const signatures = new Map<string, ImageSignature>();
  const unreadable = new Set<SampleRef>();
  const total = dataset.samples.length + others.size;
  let done = 0;
  await mapConcurrently(
    [...dataset.samples, ...others],
    async (item) => {
      const file = typeof item === 'string' ? item : item.file;
      try {
        signatures.set(file, signatureOf(await readImageRgb(file)));
        const dark = await findUnusedRange(file);
        if (dark && typeof item !== 'string') problems.push(dark);
      } catch (error) {
        if (!isPlumblineError(error)) throw error;
        if (typeof item !== 'string') {
          problems.push(error);
          unreadable.add(item);
        }
      }
      options.onProgress?.(++done, total);
    },
    concurrency,
  );
  const samples = dataset.samples.filter((sample) => !unreadable.has(sample));
  const files = [...signatures.keys()].sort();
  const near = findNearPairs(
    files.map((file) => signatures.get(file)!),
    options.nearBits ?? defaultNearBits,
  );
  const nearDuplicates = describeNearPairs(near, files, pairs).filter(
    ({ a, b }) => own.files.has(resolve(a)) || own.files.has(resolve(b)),
  );
  problems.push(...leaksOf(nearDuplicates), ...findRepeatedImages(samples, signatures));

  const measures = measureBoxes(samples);
  const statistics = summarizeLabels(dataset, samples, measures);
  const inspection = { ...statistics, problems: problems.map(toProblem).sort(byPlace), nearDuplicates };
  return { dataset: { ...dataset, samples }, measures, inspection };
}

const filesOf = ({ samples }: Dataset) => new Set(samples.map(({ file }) => resolve(file)));

/** Splits that must not meet, as far as the inspected one is concerned. */
function pairsOf({ split }: DatasetSpec, splits: readonly SplitImages[]): DisjointPair[] {
  return splits.flatMap((a, i) =>
    splits
      .slice(i + 1)
      .filter((b) => split === 'all' || split === a.name || split === b.name)
      .filter((b) => mustBeDisjoint(a.name, b.name))
      .map((b) => ({ a, b })),
  );
}

function toProblem(error: PlumblineError): DatasetProblem {
  const { file, line } = error.params as { file: string; line?: number };
  return { file, ...(line === undefined ? {} : { line }), code: error.code, message: error.message };
}

function byPlace(a: DatasetProblem, b: DatasetProblem): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return (a.line ?? 0) - (b.line ?? 0);
}
