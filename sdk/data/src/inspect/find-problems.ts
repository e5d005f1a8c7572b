import { basename, resolve } from 'node:path';
import { PlumblineError } from '@plumbline/contract';
import { findUnlabelledDeepPcb } from '../dataset/deeppcb.js';
import { type Dataset, type DatasetSpec, largestValueOf16Bit, type SampleRef } from '../dataset/index.js';
import type { SplitImages } from '../dataset/splits.js';
import { findUnlabelledVoc } from '../dataset/voc.js';
import { findUnlabelledYolo } from '../dataset/yolo.js';
import type { ImageSignature, NearPair } from './near-duplicates.js';

/** Images without labels and labels without images, which a reader passes by. */
export async function findUnpairedFiles(
  { kind, path, split }: DatasetSpec,
  samples: readonly SampleRef[],
): Promise<PlumblineError[]> {
  if (kind === 'yolo') {
    const files = samples.map(({ file }) => file);
    return findUnlabelledYolo(path, files);
  }
  if (split !== 'all') return [];
  if (kind === 'deeppcb') return findUnlabelledDeepPcb(path);
  return kind === 'voc' ? findUnlabelledVoc(path) : [];
}

/** Boxes of one image and class that are equal: the second can never be found. */
export function findRepeatedBoxes(dataset: Dataset): PlumblineError[] {
  const problems: PlumblineError[] = [];
  for (const sample of dataset.samples) {
    const seen = new Map<string, number>();
    sample.gtLabels.forEach((label, g) => {
      const box = [...sample.gtBoxesXyxy.subarray(4 * g, 4 * g + 4)];
      const key = `${label} ${box.join(' ')}`;
      const first = seen.get(key);
      if (first === undefined) {
        seen.set(key, g);
        return;
      }
      const place = dataset.placeOf!(sample, g);
      problems.push(
        new PlumblineError('PLB_DATA_BOX_TWICE', {
          ...place,
          column: 1,
          box: `${dataset.classes[label]} ${box.join(' ')}`,
          firstLine: dataset.placeOf!(sample, first).line,
        }),
      );
    });
  }
  return problems;
}

/** Images of other names with the pixels of an earlier one. */
export function findRepeatedImages(
  samples: readonly SampleRef[],
  signatures: ReadonlyMap<string, ImageSignature>,
): PlumblineError[] {
  const first = new Map<string, string>();
  return samples.flatMap(({ file }) => {
    const { digest } = signatures.get(file)!;
    const other = first.get(digest);
    if (other !== undefined) return [new PlumblineError('PLB_DATA_IMAGE_TWICE', { file, other })];
    first.set(digest, file);
    return [];
  });
}

/** Dark 16-bit images: right-aligned pixels of a camera with fewer bits. @returns undefined when the range is used */
export async function findUnusedRange(file: string): Promise<PlumblineError | undefined> {
  const largest = await largestValueOf16Bit(file);
  if (largest === null || largest >= 2 ** 15) return undefined;
  const bits = Math.max(8, Math.ceil(Math.log2(largest + 1)));
  return new PlumblineError('PLB_DATA_IMAGE_RANGE', { file, largest, bits });
}

/** Two sets of images that must not meet. */
export interface DisjointPair {
  readonly a: SplitImages;
  readonly b: SplitImages;
}

/** Images in both: what is trained on would be measured. */
export function findSharedImages(pairs: readonly DisjointPair[]): PlumblineError[] {
  return pairs.flatMap(({ a, b }) =>
    [...a.files]
      .filter((file) => b.files.has(file))
      .map((file) => new PlumblineError('PLB_DATA_SPLIT_LEAK', { file, splits: `${a.name} and ${b.name}` })),
  );
}

/** Two images that look the same. */
export interface NearDuplicate {
  readonly a: string;
  readonly b: string;
  /** Bits of 256 in which their difference hashes differ. */
  readonly distance: number;
  /** Splits that must not meet, when `a` and `b` lie in such. */
  readonly across?: readonly [ofA: string, ofB: string];
}

export function describeNearPairs(
  near: readonly NearPair[],
  files: readonly string[],
  pairs: readonly DisjointPair[],
): NearDuplicate[] {
  return near.map(({ a, b, distance }) => {
    const [fileA, fileB] = [files[a]!, files[b]!];
    const [pathA, pathB] = [resolve(fileA), resolve(fileB)];
    const names = pairs.flatMap(({ a: x, b: y }) => {
      if (x.files.has(pathA) && y.files.has(pathB)) return [[x.name, y.name] as const];
      return y.files.has(pathA) && x.files.has(pathB) ? [[y.name, x.name] as const] : [];
    });
    return { a: fileA, b: fileB, distance, ...(names[0] ? { across: names[0] } : {}) };
  });
}

/** A pair across splits that must not meet is a leak, if a weaker one than the same file. */
export function leaksOf(pairs: readonly NearDuplicate[]): PlumblineError[] {
  return pairs.flatMap(({ a, b, distance, across }) => {
    if (!across) return [];
    const [split, otherSplit] = across;
    return [new PlumblineError('PLB_DATA_NEAR_LEAK', { file: a, other: basename(b), distance, split, otherSplit })];
  });
}
