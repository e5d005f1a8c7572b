/**
 * Shapes in this module: B images, A anchors, N sampled rows per image, C classes (background = C).
 * Boxes are flat xyxy px of the network input; no gradient passes through boxes or targets.
 */
import { decodeBoxes, encodeBoxes, iou, matchPriors, rpnStds, stageStds } from '@plumbline/core/geometry';
import * as tf from '@tensorflow/tfjs-core';
import type { DetectorModel, TrunkOutput } from './detector-model.js';
import { dense } from './layers.js';
import { binaryCrossEntropySum, crossEntropyMean, l1Sum } from './losses.js';
import { type Proposals, selectCandidates, suppressCandidates } from './proposals.js';
import { runBranch } from './roi-heads.js';
import { poolRois } from './roi-pool.js';
import { type Choose, positiveSample, randomSample } from './samplers.js';

/** Ground truth of one image. */
export interface GroundTruth {
  readonly boxesXyxy: Float32Array;
  readonly labels: Int32Array;
}

export interface LossTerms {
  readonly total: tf.Scalar;
  /** Unweighted terms by name: `rpn.objectness`, `rpn.box`, `cls`, `reg.1` ... */
  readonly terms: Readonly<Record<string, tf.Scalar>>;
  /** Rows that carried a regression loss, per stage, and the mean IoU of those rows with their ground truth. */
  readonly stages: readonly { readonly positives: number; readonly meanIou: number }[];
}

/** Rows of one regression stage over the batch: only positives, since padded negatives carry no loss. */
interface RegressionRows {
  boxesXyxy: Float32Array;
  batchIndex: Int32Array;
  gtXyxy: Float32Array;
  labels: Int32Array;
  meanIou: number;
}

/** The whole training objective of one batch. Source: Decoupled R-CNN, Eq. 1-8. */
export function trainingLosses(
  model: DetectorModel,
  trunk: TrunkOutput,
  anchors: readonly Float32Array[],
  gt: readonly GroundTruth[],
  choose: Choose,
): LossTerms {
  const { config } = model;
  const batch = gt.length;
  const logits = trunk.logits.dataSync() as Float32Array;
  const deltas = trunk.deltas.dataSync() as Float32Array;
  const count = logits.length / batch;

  const rpn = rpnLosses(model, trunk, anchors, gt, choose);
  const sets = gt.map((_, b) => {
    const candidates = selectCandidates(
      logits.subarray(b * count, (b + 1) * count),
      deltas.subarray(b * count * 4, (b + 1) * count * 4),
      anchors,
      config.proposals.trainPreNms,
      config.imageSizeHw,
    );
    const { nmsClassification, nmsRegression, trainPostNms } = config.proposals;
    const forClassification = suppressCandidates(candidates, nmsClassification, trainPostNms);
    const same = config.model.kind === 'faster' || nmsClassification === nmsRegression;
    return {
      forClassification,
      forRegression: same ? forClassification : suppressCandidates(candidates, nmsRegression, trainPostNms),
    };
  });

  const rows = sampleClassification(
    model,
    sets.map((set) => set.forClassification),
    gt,
    choose,
  );
  const terms: Record<string, tf.Scalar> = { 'rpn.objectness': rpn.objectness, 'rpn.box': rpn.box };
  const { head } = config.model;
  const classificationFeatures = poolRois(trunk.pyramid, rows, head.roiSize, head.samplingRatio);
  const { classification } = model.roiHeads;
  const shared = runBranch(classificationFeatures, classification.branch);
  terms.cls = crossEntropyMean(dense(shared, classification.logits), rows.labels);

  // Faster R-CNN regresses the positives of the one sample; Decoupled R-CNN samples its own set, without ground truth.
  let regression =
    config.model.kind === 'faster'
      ? positivesOf(rows, model.classes.length)
      : sampleRegression(
          model,
          sets.map((set) => set.forRegression),
          gt,
          choose,
        );
  const normalizer = config.sampling.roisPerImage * batch;
  const stages: { positives: number; meanIou: number }[] = [];
  for (let k = 0; k < config.model.regressors; k++) {
    const positives = regression.batchIndex.length;
    stages.push({ positives, meanIou: regression.meanIou });
    if (positives === 0) {
      for (let rest = k; rest < config.model.regressors; rest++) terms[`reg.${rest + 1}`] = tf.scalar(0);
      for (let rest = k + 1; rest < config.model.regressors; rest++) stages.push({ positives: 0, meanIou: 0 });
      break;
    }
    const { branch, deltas: outputLayer } = model.roiHeads.regressors[k]!;
    const features = poolRois(trunk.pyramid, regression, head.roiSize, head.samplingRatio);
    const output = dense(runBranch(features, branch), outputLayer);
    const predicted = k === 0 ? selectClassDeltas(output, regression.labels) : output;
    const target = encodeBoxes(regression.boxesXyxy, regression.gtXyxy, stageStds[k]!);
    terms[`reg.${k + 1}`] = tf.div(l1Sum(predicted, tf.tensor2d(target, [positives, 4])), normalizer) as tf.Scalar;
    if (k + 1 < config.model.regressors) {
      const refined = decodeBoxes(
        regression.boxesXyxy,
        predicted.dataSync() as Float32Array,
        stageStds[k]!,
        config.imageSizeHw,
      );
      regression = reassign({ boxesXyxy: refined, batchIndex: regression.batchIndex }, gt);
    }
  }
  const lambda = config.loss.lambda ?? (config.model.regressors > 1 ? 0.5 : 1);
  const weighted = Object.entries(terms).map(([name, term]) => {
    const stage = /^reg\.(\d)$/.exec(name);
    return stage ? tf.mul(term, lambda * config.loss.stageWeights[Number(stage[1]) - 1]!) : term;
  });
  return { total: tf.addN(weighted) as tf.Scalar, terms, stages };
}

/** [R, 4C] and the ground-truth class of each row -> [R, 4]. */
function selectClassDeltas(output: tf.Tensor2D, labels: Int32Array): tf.Tensor2D {
  const classes = output.shape[1] / 4;
  const flat = tf.reshape(output, [labels.length * classes, 4]) as tf.Tensor2D;
  return tf.gather(
    flat,
    tf.tensor1d(
      labels.map((label, row) => row * classes + label),
      'int32',
    ),
  );
}

/**
 * RPN: binary cross-entropy and L1 over the sampled anchors, both divided by the number sampled in the batch.
 * Source: decoupled-rcnn specification section 3.1 (mmdetection 2.4): denominators count max(., 1) per image.
 */
function rpnLosses(
  model: DetectorModel,
  trunk: TrunkOutput,
  anchors: readonly Float32Array[],
  gt: readonly GroundTruth[],
  choose: Choose,
): { objectness: tf.Scalar; box: tf.Scalar } {
  const { sampling } = model.config;
  const all = concatFloat(anchors);
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

/** Classification rows: N per image, a quarter positive at most, ground truth put in front of the proposals. */
function sampleClassification(
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
    const candidates = concatFloat([truth.boxesXyxy, proposals[b]!.boxesXyxy]);
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
function sampleRegression(
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
  const boxesXyxy = concatFloat(parts.map((part) => part.boxesXyxy));
  const batchIndex = Int32Array.from(parts.flatMap((part) => [...part.batchIndex]));
  return reassign({ boxesXyxy, batchIndex }, gt);
}

/** Assigns boxes to ground truth anew at IoU 0.5 and drops those that fell below it (they would carry weight 0). */
function reassign(
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

function positivesOf(rows: ReturnType<typeof sampleClassification>, background: number): RegressionRows {
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

function concatFloat(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
