/**
 * Shapes in this module: B images, A anchors. Boxes are flat xyxy px of the network input; no gradient passes through
 * boxes or targets.
 */
import { conventions, pyramidStrides } from '@plumbline/core/geometry';
import * as tf from '@tensorflow/tfjs-core';
import { type Reading, read, readSync } from '../engines/index.js';
import type { DetectorModel, TrunkOutput } from './detector-model.js';
import { headLossesReading, type StageOutcome } from './head-losses.js';
import type { ForwardContext } from './layers.js';
import { lossWeights } from './loss-weights.js';
import { selectCandidates, suppressCandidates } from './proposals.js';
import { describeRows, type GroundTruth } from './region-sampling.js';
import { rpnLosses } from './rpn-losses.js';
import type { Choose } from './samplers.js';

export interface LossTerms {
  readonly total: tf.Scalar;
  /** Unweighted terms by name: `rpn.objectness`, `rpn.box`, `cls`, `reg.1` ... */
  readonly terms: Readonly<Record<string, tf.Scalar>>;
  /** Rows that carried a regression loss, per stage, and the mean IoU of those rows with their ground truth. */
  readonly stages: readonly { readonly positives: number; readonly meanIou: number }[];
  /** The sampled rows of each stage and its outputs. */
  readonly outcomes: readonly StageOutcome[];
}

export interface LossOptions {
  /** See `HeadInputs`; default: with convolutional branches only. */
  readonly keepPadding?: boolean;
}

/** {@link trainingLossesReading} on an engine that hands out values at once. */
export function trainingLosses(...inputs: Parameters<typeof trainingLossesReading>): LossTerms {
  return readSync(trainingLossesReading(...inputs));
}

/** The whole training objective of one batch. Source: Decoupled R-CNN, Eq. 1-8. */
export function* trainingLossesReading(
  model: DetectorModel,
  trunk: TrunkOutput,
  anchors: readonly Float32Array[],
  gt: readonly GroundTruth[],
  choose: Choose,
  context: ForwardContext,
  options: LossOptions = {},
): Reading<LossTerms> {
  const { config } = model;
  const [, height, width] = trunk.pyramid[0]!.shape;
  const networkHw = [height * pyramidStrides[0]!, width * pyramidStrides[0]!] as const;
  const rpn = rpnLosses(model, trunk, anchors, gt, networkHw, choose);
  const sets = yield* proposalSets(model, trunk, anchors, gt, networkHw);
  const heads = yield* headLossesReading(model, {
    pyramid: trunk.pyramid,
    ...sets,
    gt,
    choose,
    context,
    keepPadding: options.keepPadding ?? config.model.head.branch === 'conv',
  });
  const terms: Record<string, tf.Scalar> = { 'rpn.objectness': rpn.objectness, 'rpn.box': rpn.box, ...heads.terms };
  const { classification, regression } = lossWeights(config);
  const weighted = Object.entries(terms).map(([name, term]) => {
    const [, kind, stage = '1'] = /^(cls|reg)(?:\.(\d))?$/.exec(name) ?? [];
    if (!kind) return term;
    return tf.mul(term, (kind === 'cls' ? classification : regression)[Number(stage) - 1]!);
  });
  const stages = heads.stages.map((stage) => describeRows(stage.regression.rows));
  return { total: tf.addN(weighted) as tf.Scalar, terms, stages, outcomes: heads.stages };
}

/** Both proposal sets of each image, from one set of candidates. */
function* proposalSets(
  model: DetectorModel,
  trunk: TrunkOutput,
  anchors: readonly Float32Array[],
  gt: readonly GroundTruth[],
  networkHw: readonly [number, number],
): Reading<{ forClassification: Float32Array[]; forRegression: Float32Array[] }> {
  const { config } = model;
  const batch = gt.length;
  const logits = yield* read(trunk.logits);
  const deltas = yield* read(trunk.deltas);
  const count = logits.length / batch;
  const { nmsClassification, nmsRegression, trainPreNms, trainPostNms } = config.proposals;
  const trainPostNmsRegression = config.proposals.trainPostNmsRegression ?? trainPostNms;
  const forClassification: Float32Array[] = [];
  const forRegression: Float32Array[] = [];
  for (let b = 0; b < batch; b++) {
    const candidates = selectCandidates(
      logits.subarray(b * count, (b + 1) * count),
      deltas.subarray(b * count * 4, (b + 1) * count * 4),
      anchors,
      trainPreNms,
      gt[b]!.clipHw ?? networkHw,
      conventions[config.model.conventions],
    );
    const classified = suppressCandidates(candidates, nmsClassification, trainPostNms).boxesXyxy;
    forClassification.push(classified);
    const isSame =
      config.model.kind !== 'decoupled' ||
      (nmsClassification === nmsRegression && trainPostNms === trainPostNmsRegression);
    forRegression.push(
      isSame ? classified : suppressCandidates(candidates, nmsRegression, trainPostNmsRegression).boxesXyxy,
    );
  }
  return { forClassification, forRegression };
}
