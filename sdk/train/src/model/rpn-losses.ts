/** Shapes in this module: A anchors of all levels; boxes are flat xyxy px of the network input. */
import { concatFloat32, encodeBoxes, ignored, matchPriors, rpnStds } from '@plumbline/core/geometry';
import * as tf from '@tensorflow/tfjs-core';
import type { DetectorModel, TrunkOutput } from './detector-model.js';
import { binaryCrossEntropySum, l1Sum, smoothL1Sum } from './losses.js';
import type { GroundTruth } from './region-sampling.js';
import { type Choose, randomSample } from './samplers.js';

/**
 * RPN: binary cross-entropy and L1 over the sampled anchors, both divided by the number sampled in the batch.
 * Source: decoupled-rcnn specification section 3.1 (mmdetection 2.4): denominators count max(., 1) per image.
 * @param networkHw height and width px of the network input
 */
export function rpnLosses(
  model: DetectorModel,
  trunk: TrunkOutput,
  anchors: readonly Float32Array[],
  gt: readonly GroundTruth[],
  networkHw: readonly [number, number],
  choose: Choose,
): { objectness: tf.Scalar; box: tf.Scalar } {
  const { sampling, loss } = model.config;
  const all = concatFloat32(anchors);
  const count = all.length / 4;
  const rowIndex: number[] = [];
  const labels: number[] = [];
  const positiveRows: number[] = [];
  const priors: number[] = [];
  const matched: number[] = [];
  let denominator = 0;
  gt.forEach((truth, b) => {
    const gtIndex = assignAnchors(all, truth, sampling.rpnAllowedBorder, truth.clipHw ?? networkHw);
    const sample = randomSample(gtIndex, sampling.rpnPerImage, sampling.rpnPositiveFraction, choose);
    for (const anchor of sample.positive) {
      rowIndex.push(b * count + anchor);
      labels.push(1);
      positiveRows.push(b * count + anchor);
      const g = gtIndex[anchor]!;
      for (let k = 0; k < 4; k++) {
        priors.push(all[4 * anchor + k]!);
        matched.push(truth.boxesXyxy[4 * g + k]!);
      }
    }
    for (const anchor of sample.negative) {
      rowIndex.push(b * count + anchor);
      labels.push(0);
    }
    denominator += Math.max(1, sample.positive.length) + Math.max(1, sample.negative.length);
  });
  // The engines' sums over no rows are not all 0.
  if (rowIndex.length === 0) return { objectness: tf.scalar(0), box: tf.scalar(0) };
  const flatLogits = tf.reshape(trunk.logits, [-1]) as tf.Tensor1D;
  const logits = tf.gather(flatLogits, tf.tensor1d(Int32Array.from(rowIndex), 'int32'));
  const objectness = tf.div(binaryCrossEntropySum(logits, tf.tensor1d(labels)), denominator) as tf.Scalar;
  if (positiveRows.length === 0) return { objectness, box: tf.scalar(0) };
  const flatDeltas = tf.reshape(trunk.deltas, [-1, 4]) as tf.Tensor2D;
  const predicted = tf.gather(flatDeltas, tf.tensor1d(Int32Array.from(positiveRows), 'int32'));
  const target = encodeBoxes(Float32Array.from(priors), Float32Array.from(matched), rpnStds);
  const targets = tf.tensor2d(target, [positiveRows.length, 4]);
  const sum = loss.rpnRegression === 'l1' ? l1Sum(predicted, targets) : smoothL1Sum(predicted, targets, 1 / 9);
  return { objectness, box: tf.div(sum, denominator) as tf.Scalar };
}

/** @returns [A] ground truth of each anchor, `background` or `ignored`; `ignored` also beyond the allowed border */
function assignAnchors(
  anchorsXyxy: Float32Array,
  { boxesXyxy }: GroundTruth,
  allowedBorder: number | null,
  [height, width]: readonly [number, number],
): Int32Array {
  const match = (priors: Float32Array) =>
    matchPriors(priors, boxesXyxy, { positiveIou: 0.7, negativeIou: 0.3, lowQualityMinIou: 0.3 }).gtIndex;
  if (allowedBorder === null) return match(anchorsXyxy);
  const count = anchorsXyxy.length / 4;
  const inside: number[] = [];
  for (let a = 0; a < count; a++) {
    const [x1, y1, x2, y2] = [0, 1, 2, 3].map((k) => anchorsXyxy[4 * a + k]!) as [number, number, number, number];
    const isInside =
      x1 >= -allowedBorder && y1 >= -allowedBorder && x2 < width + allowedBorder && y2 < height + allowedBorder;
    if (isInside) inside.push(a);
  }
  const priors = new Float32Array(4 * inside.length);
  inside.forEach((a, i) => priors.set(anchorsXyxy.subarray(4 * a, 4 * a + 4), 4 * i));
  const gtIndex = new Int32Array(count).fill(ignored);
  match(priors).forEach((g, i) => {
    gtIndex[inside[i]!] = g;
  });
  return gtIndex;
}
