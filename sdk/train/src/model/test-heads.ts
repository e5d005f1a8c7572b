/** Shapes in this module: R proposals of one image, C classes; boxes flat xyxy px. */
import { conventions, decodeBoxes, stageStds } from '@plumbline/core/geometry';
import * as tf from '@tensorflow/tfjs-core';
import { type Reading, read, readSync } from '../engines/index.js';
import type { DetectorModel } from './detector-model.js';
import { inferenceContext } from './layers.js';
import { bestForeground, refineBoxes } from './refine-boxes.js';
import { runClassifier, runRegressor } from './roi-heads.js';
import { poolRois } from './roi-pool.js';

export interface HeadOutput {
  /** [R, C + 1] after the softmax. */
  readonly probabilities: Float32Array;
  /** [R, C, 4] of a class-specific regressor on the proposals, else [R, 4] shared by the classes. */
  readonly boxes: Float32Array;
  readonly isClassSpecific: boolean;
  readonly count: number;
}

/** {@link testHeadsReading} on an engine that hands out values at once. */
export function runTestHeads(...inputs: Parameters<typeof testHeadsReading>): HeadOutput {
  return readSync(testHeadsReading(...inputs));
}

/**
 * Scores and boxes of the stages that the test configuration asks for. Each regressor moves the boxes of the one before;
 * a class-specific first one by the delta of the best foreground class, unless its boxes are the result. A classifier
 * reads its own stage's boxes: the single one the proposals.
 * Source: Decoupled R-CNN section III-E; decoupled-rcnn specification section 5; for several classifiers Cascade R-CNN.
 */
export function* testHeadsReading(
  model: DetectorModel,
  pyramid: readonly tf.Tensor4D[],
  image: number,
  proposalsXyxy: Float32Array,
  clipHw: readonly [number, number],
): Reading<HeadOutput> {
  const { model: shape, test } = model.config;
  const { classifiers, regressors } = model.roiHeads;
  const { levelRule, clamp } = conventions[shape.conventions];
  const classes = model.classes.length;
  const count = proposalsXyxy.length / 4;
  const lastRegressor = test.regressor ?? regressors.length;
  const wanted = test.classifier === null ? classifiers.map((_, k) => k + 1) : [test.classifier];
  if (count === 0) {
    const isClassSpecific = lastRegressor === 1 && regressors[0]!.isClassSpecific;
    return { probabilities: new Float32Array(0), boxes: new Float32Array(0), isClassSpecific, count };
  }
  const batchIndex = new Int32Array(count).fill(image);
  const logits: tf.Tensor2D[] = [];
  let priors = proposalsXyxy;
  let result: Pick<HeadOutput, 'boxes' | 'isClassSpecific'> | undefined;
  const lastStage = Math.max(lastRegressor, ...wanted);
  for (let stage = 1; stage <= lastStage; stage++) {
    const pool = (scale: number) =>
      poolRois(pyramid, { boxesXyxy: priors, batchIndex }, { ...shape.head, levelRule, scale });
    const classifier = classifiers[stage - 1];
    const regressor = regressors[stage - 1]!;
    const isClassified = classifier !== undefined && (stage === 1 || wanted.includes(stage));
    const classified = isClassified ? pool(1) : undefined;
    const own = classified && runClassifier(classified, classifier!);
    if (own && wanted.includes(stage)) logits.push(own);
    if (result && stage === lastStage) break;
    const scale = shape.head.regressionRoiScale;
    const regressed = scale === 1 && classified ? classified : pool(scale);
    const deltas = yield* read(runRegressor(regressed, regressor, inferenceContext));
    const stds = stageStds[stage - 1]!;
    const isClassSpecific = regressor.isClassSpecific && stage === lastRegressor;
    if (isClassSpecific) result = { boxes: decodeBoxes(priors, deltas, stds, clipHw, { clamp }), isClassSpecific };
    if (stage === lastStage) {
      result ??= { boxes: refineBoxes(priors, deltas, stds, clipHw, () => 0, { clamp }), isClassSpecific };
      break;
    }
    const scores = regressor.isClassSpecific ? yield* read(own!) : undefined;
    priors = refineBoxes(priors, deltas, stds, clipHw, (row) => bestForeground(scores!, row, classes), { clamp });
    if (stage === lastRegressor) result ??= { boxes: priors, isClassSpecific };
  }
  const probabilities = Float32Array.from(yield* read(averageScores(logits, test.average)));
  return { probabilities, count, ...result! };
}

function averageScores(logits: readonly tf.Tensor2D[], of: 'probabilities' | 'logits'): tf.Tensor {
  const mean = (tensors: readonly tf.Tensor[]) =>
    tensors.length === 1 ? tensors[0]! : tf.div(tf.addN([...tensors]), tensors.length);
  return of === 'logits' ? tf.softmax(mean(logits)) : mean(logits.map((each) => tf.softmax(each)));
}
