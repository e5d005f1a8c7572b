/**
 * Shapes in this module: B images, N rows of a sampler, R rows of a batch, C classes (background = C).
 * Boxes are flat xyxy px of the network input; no gradient passes through boxes or targets.
 */
import { hasStageClassifiers } from '@plumbline/contract';
import { conventions, encodeBoxes, pyramidStrides, stageStds } from '@plumbline/core/geometry';
import * as tf from '@tensorflow/tfjs-core';
import { type Reading, read, readSync } from '../engines/index.js';
import type { DetectorModel } from './detector-model.js';
import type { ForwardContext } from './layers.js';
import { crossEntropyMean, l1Sum, smoothL1Sum } from './losses.js';
import { bestForeground, clipRows, refineBoxes } from './refine-boxes.js';
import {
  filterRows,
  type GroundTruth,
  positiveRows,
  type SampledRows,
  sampleRows,
  splitByImage,
  withGroundTruth,
} from './region-sampling.js';
import { runClassifier, runRegressor } from './roi-heads.js';
import { poolRois, type Rois } from './roi-pool.js';
import { type Choose, positiveSample, randomSample } from './samplers.js';

/** IoU of the classifier of each stage. Source: Cascade R-CNN (arXiv:1712.00726) section 4. */
const stageIous = [0.5, 0.6, 0.7] as const;
/** Refined boxes are assigned anew at this IoU in every stage of Decoupled R-CNN (its section III-D). */
const regressionIou = 0.5;

/** What one stage was trained on and what it answered. */
export interface StageOutcome {
  /** Absent in later stages of a model with one classifier. */
  readonly classification?: { readonly rows: SampledRows; readonly logits: tf.Tensor2D };
  /** `deltas` [R, 4C] or [R, 4]; absent when no row exists. */
  readonly regression: { readonly rows: SampledRows; readonly deltas?: tf.Tensor2D };
  /** [R * 4] the rows' boxes for the next stage of Decoupled R-CNN: positives moved, padding as it was. */
  readonly refinedXyxy?: Float32Array;
}

export interface HeadLosses {
  /** Unweighted: `cls`, `reg.1`, then `cls.2`, `reg.2` ... */
  readonly terms: Record<string, tf.Scalar>;
  readonly stages: readonly StageOutcome[];
}

export interface HeadInputs {
  readonly pyramid: readonly tf.Tensor4D[];
  /** Per image, [n * 4]: the proposals at T_cls and at T_reg. */
  readonly forClassification: readonly Float32Array[];
  readonly forRegression: readonly Float32Array[];
  readonly gt: readonly GroundTruth[];
  readonly choose: Choose;
  readonly context: ForwardContext;
  /**
   * Sends the negatives that pad a sample through the regressors as well. They carry no loss: only a branch with batch
   * norm, whose statistics they enter, trains differently, and therefore always has them.
   */
  readonly keepPadding: boolean;
}

/** {@link headLossesReading} on an engine that hands out values at once. */
export function headLosses(model: DetectorModel, inputs: HeadInputs): HeadLosses {
  return readSync(headLossesReading(model, inputs));
}

/** Losses of all stages. Source: Decoupled R-CNN, Eq. 1-8; decoupled-rcnn specification section 4 and Table X of 7. */
export function* headLossesReading(model: DetectorModel, inputs: HeadInputs): Reading<HeadLosses> {
  const { pyramid, gt, choose, context, keepPadding } = inputs;
  const { model: shape, sampling, loss } = model.config;
  const [, height, width] = pyramid[0]!.shape;
  const networkHw = [height * pyramidStrides[0]!, width * pyramidStrides[0]!] as const;
  const clipHw = gt.map((truth) => truth.clipHw ?? networkHw);
  const background = model.classes.length;
  const { roisPerImage, roiPositiveFraction } = sampling;
  const takeAny = (gtIndex: Int32Array) => randomSample(gtIndex, roisPerImage, roiPositiveFraction, choose);
  const takePositive = (gtIndex: Int32Array) => positiveSample(gtIndex, roisPerImage, choose);
  const { levelRule, clamp } = conventions[shape.conventions];
  const pool = (rois: Rois) => poolRois(pyramid, rois, { ...shape.head, levelRule });
  const scale = shape.head.regressionRoiScale;
  const poolForRegression = (rois: Rois) => poolRois(pyramid, rois, { ...shape.head, levelRule, scale });
  const isDecoupled = shape.kind === 'decoupled';
  const withoutPadding = (rows: SampledRows) => (keepPadding ? rows : positiveRows(rows));
  const sumOf = loss.regression === 'l1' ? l1Sum : smoothL1Sum;

  const terms: Record<string, tf.Scalar> = {};
  const stages: StageOutcome[] = [];
  let classified = sampleRows(withGroundTruth(inputs.forClassification, gt), gt, background, regressionIou, takeAny);
  const isRandom = sampling.regression === 'random';
  const candidates = isRandom ? withGroundTruth(inputs.forRegression, gt) : inputs.forRegression;
  let regressed = isDecoupled
    ? withoutPadding(sampleRows(candidates, gt, background, regressionIou, isRandom ? takeAny : takePositive))
    : undefined;
  for (let k = 0; k < shape.regressors; k++) {
    const stds = stageStds[k]!;
    const regressor = model.roiHeads.regressors[k]!;
    const classifier = model.roiHeads.classifiers[k];
    const isLast = k + 1 === shape.regressors;
    // A cascade moves all of its rows to the next stage; a single stage needs the positives only.
    const rows = regressed ?? (isLast ? withoutPadding(classified) : classified);

    const features = classifier && classified.labels.length > 0 ? pool(classified) : undefined;
    const logits = features && runClassifier(features, classifier!);
    if (classifier) {
      const term = k === 0 ? 'cls' : `cls.${k + 1}`;
      terms[term] = logits ? crossEntropyMean(logits, classified.labels) : tf.scalar(0);
    }
    // The paper divides by the size of the mini-batch, Faster and Cascade R-CNN by the rows that there are.
    const normalizer = isDecoupled ? roisPerImage * gt.length : classified.labels.length;
    const isPooled = rows === classified && scale === 1;
    const regressedFeatures = isPooled ? features : rows.labels.length > 0 ? poolForRegression(rows) : undefined;
    const deltas = regressedFeatures && runRegressor(regressedFeatures, regressor, context);
    terms[`reg.${k + 1}`] = deltas
      ? (tf.div(regressionSum(rows, deltas, regressor.isClassSpecific, stds, sumOf), normalizer) as tf.Scalar)
      : tf.scalar(0);
    const outcome: StageOutcome = {
      ...(logits ? { classification: { rows: classified, logits } } : {}),
      regression: { rows, ...(deltas ? { deltas } : {}) },
    };
    stages.push(outcome);
    if (isLast) break;

    const refine = (of: SampledRows, deltasOf: Float32Array | undefined, fallback: (row: number) => number) => {
      if (!deltasOf) return new Float32Array(0);
      const classOf = (row: number) => (of.gtIndex[row]! >= 0 ? of.labels[row]! : fallback(row));
      return clipRows(
        refineBoxes(of.boxesXyxy, deltasOf, stds, networkHw, classOf, { clamp }),
        (row) => clipHw[of.batchIndex[row]!]!,
      );
    };
    if (hasStageClassifiers(shape)) {
      const scores = logits && (yield* read(logits));
      const ownFeatures = scale === 1 ? features : features && poolForRegression(classified);
      const own = isDecoupled ? ownFeatures && runRegressor(ownFeatures, regressor, context) : deltas;
      const moved = refine(classified, own && (yield* read(own)), (row) => bestForeground(scores!, row, background));
      classified = nextClassified(classified, moved, gt, background, stageIous[k + 1]!, takeAny);
    }
    if (isDecoupled) {
      const refined = refine(rows, deltas && (yield* read(deltas)), () => 0);
      rows.gtIndex.forEach((g, row) => {
        if (g < 0) refined.set(rows.boxesXyxy.subarray(4 * row, 4 * row + 4), 4 * row);
      });
      stages[k] = { ...outcome, refinedXyxy: refined };
      const lists = splitByImage(refined, rows.batchIndex, gt.length);
      regressed = withoutPadding(sampleRows(lists, gt, background, regressionIou, takePositive));
    }
  }
  return { terms, stages };
}

/** Rows that were ground truth go, the others move, and the ground truth comes in front again. */
function nextClassified(
  rows: SampledRows,
  movedXyxy: Float32Array,
  gt: readonly GroundTruth[],
  background: number,
  minIou: number,
  take: (gtIndex: Int32Array) => ReturnType<typeof randomSample>,
): SampledRows {
  const moved = filterRows({ ...rows, boxesXyxy: movedXyxy }, (row) => {
    return rows.index[row]! >= gt[rows.batchIndex[row]!]!.labels.length;
  });
  const lists = splitByImage(moved.boxesXyxy, moved.batchIndex, gt.length);
  return sampleRows(withGroundTruth(lists, gt), gt, background, minIou, take);
}

/** Sum over the positive rows and their four coordinates, of the ground-truth class where deltas are per class. */
function regressionSum(
  rows: SampledRows,
  deltas: tf.Tensor2D,
  isClassSpecific: boolean,
  stds: (typeof stageStds)[number],
  sumOf: typeof l1Sum,
): tf.Scalar {
  const positive = Int32Array.from([...rows.gtIndex.keys()].filter((row) => rows.gtIndex[row]! >= 0));
  if (positive.length === 0) return tf.scalar(0);
  const perRow = deltas.shape[1] / 4;
  const isEvery = positive.length === rows.gtIndex.length && !isClassSpecific;
  const flat = tf.reshape(deltas, [-1, 4]) as tf.Tensor2D;
  const at = positive.map((row) => row * perRow + (isClassSpecific ? rows.labels[row]! : 0));
  const predicted = isEvery ? deltas : tf.gather(flat, tf.tensor1d(at, 'int32'));
  const { boxesXyxy, gtXyxy } = positiveRows(rows);
  const target = encodeBoxes(boxesXyxy, gtXyxy, stds);
  return sumOf(predicted, tf.tensor2d(target, [positive.length, 4]));
}
