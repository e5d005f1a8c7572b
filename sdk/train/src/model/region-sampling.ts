/**
 * Shapes in this module: N rows per image, R rows of a batch, C classes (background = C); boxes are flat xyxy px of the
 * network input. Which regions each head is trained on, and with which targets; no gradient passes here.
 */
import { concatFloat32, iou, matchPriors } from '@plumbline/core/geometry';
import type { Sample } from './samplers.js';

/** Ground truth of one image. */
export interface GroundTruth {
  readonly boxesXyxy: Float32Array;
  readonly labels: Int32Array;
  /** Unpadded [height, width] of the image in px of the network input; absent: all of it. Boxes are clipped to this. */
  readonly clipHw?: readonly [number, number];
}

/** Rows that one head is trained on: images one after the other, in each the positives before the rest. */
export interface SampledRows {
  /** [R * 4] */
  readonly boxesXyxy: Float32Array;
  /** [R] image of each row. */
  readonly batchIndex: Int32Array;
  /** [R] position in the image's list of candidates. */
  readonly index: Int32Array;
  /** [R] matched ground truth of the row's image; -1 for a negative. */
  readonly gtIndex: Int32Array;
  /** [R * 4] box of that ground truth, zeros for a negative. */
  readonly gtXyxy: Float32Array;
  /** [R] class id; C for a negative. */
  readonly labels: Int32Array;
}

/**
 * Assigns each image's candidates to its ground truth by IoU and takes a sample of them.
 * @param candidates per image, [n * 4]
 * @param minIou     IoU at or above which a candidate is positive; below it is negative
 * @param take       sampler over the assignment of one image
 */
export function sampleRows(
  candidates: readonly Float32Array[],
  gt: readonly GroundTruth[],
  background: number,
  minIou: number,
  take: (gtIndex: Int32Array) => Sample,
): SampledRows {
  const perImage = gt.map((truth, b) => {
    const { gtIndex } = matchPriors(candidates[b]!, truth.boxesXyxy, { positiveIou: minIou, negativeIou: minIou });
    const { positive, negative } = take(gtIndex);
    return { gtIndex, index: [...positive, ...negative] };
  });
  const count = perImage.reduce((sum, image) => sum + image.index.length, 0);
  const rows = {
    boxesXyxy: new Float32Array(count * 4),
    batchIndex: new Int32Array(count),
    index: new Int32Array(count),
    gtIndex: new Int32Array(count),
    gtXyxy: new Float32Array(count * 4),
    labels: new Int32Array(count).fill(background),
  };
  let row = 0;
  perImage.forEach(({ gtIndex, index }, b) => {
    const { boxesXyxy, labels } = gt[b]!;
    for (const i of index) {
      const g = gtIndex[i]!;
      rows.boxesXyxy.set(candidates[b]!.subarray(4 * i, 4 * i + 4), 4 * row);
      rows.batchIndex[row] = b;
      rows.index[row] = i;
      rows.gtIndex[row] = g;
      if (g >= 0) {
        rows.gtXyxy.set(boxesXyxy.subarray(4 * g, 4 * g + 4), 4 * row);
        rows.labels[row] = labels[g]!;
      }
      row++;
    }
  });
  return rows;
}

/** The ground truth of each image in front of its proposals. */
export function withGroundTruth(proposals: readonly Float32Array[], gt: readonly GroundTruth[]): Float32Array[] {
  return gt.map((truth, b) => concatFloat32([truth.boxesXyxy, proposals[b]!]));
}

/** Rows for which `keep` holds, in their order. */
export function filterRows(rows: SampledRows, keep: (row: number) => boolean): SampledRows {
  const kept = Int32Array.from([...rows.labels.keys()].filter(keep));
  const boxes = (source: Float32Array) => {
    const out = new Float32Array(kept.length * 4);
    kept.forEach((row, i) => out.set(source.subarray(4 * row, 4 * row + 4), 4 * i));
    return out;
  };
  return {
    boxesXyxy: boxes(rows.boxesXyxy),
    batchIndex: kept.map((row) => rows.batchIndex[row]!),
    index: kept.map((row) => rows.index[row]!),
    gtIndex: kept.map((row) => rows.gtIndex[row]!),
    gtXyxy: boxes(rows.gtXyxy),
    labels: kept.map((row) => rows.labels[row]!),
  };
}

/** Rows that carry a regression loss. */
export const positiveRows = (rows: SampledRows) => filterRows(rows, (row) => rows.gtIndex[row]! >= 0);

/** Boxes of a batch's rows as one list per image, for the next stage to sample from. */
export function splitByImage(boxesXyxy: Float32Array, batchIndex: Int32Array, batch: number): Float32Array[] {
  return Array.from({ length: batch }, (_, b) => {
    const first = batchIndex.indexOf(b);
    return first < 0 ? new Float32Array(0) : boxesXyxy.subarray(4 * first, 4 * (batchIndex.lastIndexOf(b) + 1));
  });
}

/** Positives and the mean IoU of their boxes with their ground truth. */
export function describeRows(rows: SampledRows): { positives: number; meanIou: number } {
  let positives = 0;
  let sum = 0;
  rows.gtIndex.forEach((g, row) => {
    if (g < 0) return;
    positives++;
    sum += iou(rows.boxesXyxy, row, rows.gtXyxy, row);
  });
  return { positives, meanIou: positives > 0 ? sum / positives : 0 };
}
