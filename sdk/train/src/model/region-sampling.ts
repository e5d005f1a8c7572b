/**
 * Shapes in this module: N rows per image, C classes (background = C); boxes are flat xyxy px of the network input.
 * Which regions each head is trained on, and with which targets; no gradient passes here.
 */
import { concatFloat32, iou, matchPriors } from '@plumbline/core/geometry';
import type { DetectorModel } from './detector-model.js';
import type { Proposals } from './proposals.js';
import { type Choose, positiveSample, randomSample } from './samplers.js';

/** Ground truth of one image. */
export interface GroundTruth {
  readonly boxesXyxy: Float32Array;
  readonly labels: Int32Array;
}

/** Rows of one regression stage over the batch: only positives, since padded negatives carry no loss. */
export interface RegressionRows {
  boxesXyxy: Float32Array;
  batchIndex: Int32Array;
  gtXyxy: Float32Array;
  labels: Int32Array;
  meanIou: number;
}

/** Classification rows: N per image, a quarter positive at most, ground truth put in front of the proposals. */
export function sampleClassification(
  model: DetectorModel,
  proposals: readonly Proposals[],
  gt: readonly GroundTruth[],
  choose: Choose,
) {
  const { roisPerImage, roiPositiveFraction } = model.config.sampling;
  const boxes: number[] = [];
  const batchIndex: number[] = [];
  const labels: number[] = [];
  const gtBoxes: number[] = [];
  gt.forEach((truth, b) => {
    const candidates = concatFloat32([truth.boxesXyxy, proposals[b]!.boxesXyxy]);
    const { gtIndex } = matchPriors(candidates, truth.boxesXyxy, { positiveIou: 0.5, negativeIou: 0.5 });
    const sample = randomSample(gtIndex, roisPerImage, roiPositiveFraction, choose);
    const add = (index: number, g: number) => {
      for (let k = 0; k < 4; k++) {
        boxes.push(candidates[4 * index + k]!);
        gtBoxes.push(g >= 0 ? truth.boxesXyxy[4 * g + k]! : 0);
      }
      batchIndex.push(b);
      labels.push(g >= 0 ? truth.labels[g]! : model.classes.length);
    };
    for (const index of sample.positive) add(index, gtIndex[index]!);
    for (const index of sample.negative) add(index, -1);
  });
  return {
    boxesXyxy: Float32Array.from(boxes),
    batchIndex: Int32Array.from(batchIndex),
    labels: Int32Array.from(labels),
    gtXyxy: Float32Array.from(gtBoxes),
  };
}

/** Regression rows: every positive of the regression proposals, up to N per image. */
export function sampleRegression(
  model: DetectorModel,
  proposals: readonly Proposals[],
  gt: readonly GroundTruth[],
  choose: Choose,
): RegressionRows {
  const parts = gt.map((truth, b) => {
    const { boxesXyxy } = proposals[b]!;
    const { gtIndex } = matchPriors(boxesXyxy, truth.boxesXyxy, { positiveIou: 0.5, negativeIou: 0.5 });
    const { positive } = positiveSample(gtIndex, model.config.sampling.roisPerImage, choose);
    const picked = new Float32Array(positive.length * 4);
    positive.forEach((index, i) => picked.set(boxesXyxy.subarray(4 * index, 4 * index + 4), 4 * i));
    return { boxesXyxy: picked, batchIndex: new Int32Array(positive.length).fill(b) };
  });
  const boxesXyxy = concatFloat32(parts.map((part) => part.boxesXyxy));
  const batchIndex = Int32Array.from(parts.flatMap((part) => [...part.batchIndex]));
  return reassign({ boxesXyxy, batchIndex }, gt);
}

/** Assigns boxes to ground truth anew at IoU 0.5 and drops those that fell below it (they would carry weight 0). */
export function reassign(
  rows: { boxesXyxy: Float32Array; batchIndex: Int32Array },
  gt: readonly GroundTruth[],
): RegressionRows {
  const keptBoxes: number[] = [];
  const keptBatch: number[] = [];
  const gtBoxes: number[] = [];
  const labels: number[] = [];
  let iouSum = 0;
  for (let b = 0, start = 0; b < gt.length; b++) {
    let end = start;
    while (end < rows.batchIndex.length && rows.batchIndex[end] === b) end++;
    const truth = gt[b]!;
    const boxes = rows.boxesXyxy.subarray(4 * start, 4 * end);
    const { gtIndex, maxIou } = matchPriors(boxes, truth.boxesXyxy, { positiveIou: 0.5, negativeIou: 0.5 });
    for (let i = 0; i < end - start; i++) {
      const g = gtIndex[i]!;
      if (g < 0) continue;
      for (let k = 0; k < 4; k++) {
        keptBoxes.push(boxes[4 * i + k]!);
        gtBoxes.push(truth.boxesXyxy[4 * g + k]!);
      }
      keptBatch.push(b);
      labels.push(truth.labels[g]!);
      iouSum += maxIou[i]!;
    }
    start = end;
  }
  return {
    boxesXyxy: Float32Array.from(keptBoxes),
    batchIndex: Int32Array.from(keptBatch),
    gtXyxy: Float32Array.from(gtBoxes),
    labels: Int32Array.from(labels),
    meanIou: keptBatch.length > 0 ? iouSum / keptBatch.length : 0,
  };
}

export function positivesOf(rows: ReturnType<typeof sampleClassification>, background: number): RegressionRows {
  const keep = [...rows.labels.keys()].filter((row) => rows.labels[row]! < background);
  const pickBoxes = (source: Float32Array) =>
    Float32Array.from(keep.flatMap((row) => [...source.subarray(4 * row, 4 * row + 4)]));
  const boxesXyxy = pickBoxes(rows.boxesXyxy);
  const gtXyxy = pickBoxes(rows.gtXyxy);
  return {
    boxesXyxy,
    gtXyxy,
    batchIndex: Int32Array.from(keep, (row) => rows.batchIndex[row]!),
    labels: Int32Array.from(keep, (row) => rows.labels[row]!),
    meanIou: keep.reduce((sum, row) => sum + iou(rows.boxesXyxy, row, rows.gtXyxy, row), 0) / Math.max(1, keep.length),
  };
}
