/**
 * Shapes in this module: B images, A anchors, N sampled rows per image, C classes (background = C).
 * Boxes are flat xyxy px of the network input; no gradient passes through boxes or targets.
 */
import { decodeBoxes, encodeBoxes, stageStds } from '@plumbline/core/geometry';
import * as tf from '@tensorflow/tfjs-core';
import type { DetectorModel, TrunkOutput } from './detector-model.js';
import { dense } from './layers.js';
import { crossEntropyMean, l1Sum } from './losses.js';
import { selectCandidates, suppressCandidates } from './proposals.js';
import { type GroundTruth, positivesOf, reassign, sampleClassification, sampleRegression } from './region-sampling.js';
import { runBranch } from './roi-heads.js';
import { poolRois } from './roi-pool.js';
import { rpnLosses } from './rpn-losses.js';
import type { Choose } from './samplers.js';

export interface LossTerms {
  readonly total: tf.Scalar;
  /** Unweighted terms by name: `rpn.objectness`, `rpn.box`, `cls`, `reg.1` ... */
  readonly terms: Readonly<Record<string, tf.Scalar>>;
  /** Rows that carried a regression loss, per stage, and the mean IoU of those rows with their ground truth. */
  readonly stages: readonly { readonly positives: number; readonly meanIou: number }[];
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
  const classificationFeatures = poolRois(trunk.pyramid, rows, head);
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
    const features = poolRois(trunk.pyramid, regression, head);
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
