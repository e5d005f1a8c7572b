/** Shapes in this module: A anchors of all levels; boxes are flat xyxy px of the network input. */
import { concatFloat32, encodeBoxes, matchPriors, rpnStds } from '@plumbline/core/geometry';
import * as tf from '@tensorflow/tfjs-core';
import type { DetectorModel, TrunkOutput } from './detector-model.js';
import { binaryCrossEntropySum, l1Sum } from './losses.js';
import type { GroundTruth } from './region-sampling.js';
import { type Choose, randomSample } from './samplers.js';

/**
 * RPN: binary cross-entropy and L1 over the sampled anchors, both divided by the number sampled in the batch.
 * Source: decoupled-rcnn specification section 3.1 (mmdetection 2.4): denominators count max(., 1) per image.
 */
export function rpnLosses(
  model: DetectorModel,
  trunk: TrunkOutput,
  anchors: readonly Float32Array[],
  gt: readonly GroundTruth[],
  choose: Choose,
): { objectness: tf.Scalar; box: tf.Scalar } {
  const { sampling } = model.config;
  const all = concatFloat32(anchors);
  const count = all.length / 4;
  const rowIndex: number[] = [];
  const labels: number[] = [];
  const positiveRows: number[] = [];
  const priors: number[] = [];
  const matched: number[] = [];
  let denominator = 0;
  gt.forEach((truth, b) => {
    const { gtIndex } = matchPriors(all, truth.boxesXyxy, {
      positiveIou: 0.7,
      negativeIou: 0.3,
      lowQualityMinIou: 0.3,
    });
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
  const flatLogits = tf.reshape(trunk.logits, [-1]) as tf.Tensor1D;
  const logits = tf.gather(flatLogits, tf.tensor1d(Int32Array.from(rowIndex), 'int32'));
  const objectness = tf.div(binaryCrossEntropySum(logits, tf.tensor1d(labels)), denominator) as tf.Scalar;
  if (positiveRows.length === 0) return { objectness, box: tf.scalar(0) };
  const flatDeltas = tf.reshape(trunk.deltas, [-1, 4]) as tf.Tensor2D;
  const predicted = tf.gather(flatDeltas, tf.tensor1d(Int32Array.from(positiveRows), 'int32'));
  const target = encodeBoxes(Float32Array.from(priors), Float32Array.from(matched), rpnStds);
  const box = tf.div(l1Sum(predicted, tf.tensor2d(target, [positiveRows.length, 4])), denominator) as tf.Scalar;
  return { objectness, box };
}
