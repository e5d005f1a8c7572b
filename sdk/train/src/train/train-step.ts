import * as tf from '@tensorflow/tfjs-core';
import { read, variableGradients } from '../engines/index.js';
import {
  type Choose,
  type DetectorModel,
  type ForwardContext,
  type GroundTruth,
  modelAnchors,
  runTrunk,
  trainingLossesReading,
} from '../model/index.js';
import type { BatchNormParameters } from '../model/parameters.js';
import type { Sgd } from './sgd.js';

/** PyTorch's share of the new statistics in the running averages. */
const batchNormMomentum = 0.1;

/** Images of one step. */
export interface StepBatch {
  /** [B, H, W, 3] normalised. */
  readonly pixels: Float32Array;
  readonly sizeHw: readonly [number, number];
  readonly gt: readonly GroundTruth[];
}

export interface StepOutcome {
  /** Every term by name, and `total`. */
  readonly loss: Readonly<Record<string, number>>;
  /** Norm of all gradients before clipping; NaN when a loss is not finite: then nothing was changed. */
  readonly gradientNorm: number;
  readonly positives: readonly number[];
  readonly meanIou: readonly number[];
  readonly seconds: StepSeconds;
}

/** Where the time of a step went. */
export interface StepSeconds {
  /** From the pixels to the losses on the host: network, proposals, matching, sampling. */
  readonly forward: number;
  readonly backward: number;
  /** Optimizer and running statistics. */
  readonly update: number;
}

/** One step of the optimizer on one batch. Nothing is changed when a loss or a gradient is not finite. */
export async function trainStep(
  model: DetectorModel,
  optimizer: Sgd,
  batch: StepBatch,
  learningRate: number,
  choose: Choose,
): Promise<StepOutcome> {
  const startedMs = performance.now();
  const context: ForwardContext = { training: true, batchStatistics: [] };
  const [height, width] = batch.sizeHw;
  const variables = model.parameters.filter((parameter) => parameter.trainable).map((parameter) => parameter.variable);
  const anchors = modelAnchors(model.config, batch.sizeHw);
  const loss: Record<string, number> = {};
  let forwardMs = startedMs;
  let stages: readonly { positives: number; meanIou: number }[] = [];
  const images = tf.tensor4d(batch.pixels, [batch.gt.length, height, width, 3]);
  const { value, grads } = await variableGradients(function* () {
    const trunk = runTrunk(model, images, context);
    const result = yield* trainingLossesReading(model, trunk, anchors, batch.gt, choose, context);
    const names = [...Object.keys(result.terms), 'total'];
    const values = yield* read(tf.stack([...Object.values(result.terms), result.total]));
    names.forEach((name, i) => {
      loss[name] = values[i]!;
    });
    stages = result.stages;
    forwardMs = performance.now();
    return result.total;
  }, variables);
  const backwardMs = performance.now();
  const finite = Object.values(loss).every(Number.isFinite);
  const gradientNorm = finite ? await optimizer.apply(grads, learningRate) : Number.NaN;
  if (Number.isFinite(gradientNorm)) updateRunningStatistics(context.batchStatistics);
  for (const { mean, variance } of context.batchStatistics) tf.dispose([mean, variance]);
  tf.dispose([value, images, grads]);
  return {
    loss,
    gradientNorm,
    positives: stages.map((stage) => stage.positives),
    meanIou: stages.map((stage) => stage.meanIou),
    seconds: {
      forward: (forwardMs - startedMs) / 1000,
      backward: (backwardMs - forwardMs) / 1000,
      update: (performance.now() - backwardMs) / 1000,
    },
  };
}

function updateRunningStatistics(statistics: ForwardContext['batchStatistics']): void {
  const blend = (parameter: BatchNormParameters['mean'], fresh: tf.Tensor) =>
    parameter.variable.assign(
      tf.add(tf.mul(parameter.variable, 1 - batchNormMomentum), tf.mul(fresh, batchNormMomentum)),
    );
  tf.tidy(() => {
    for (const { norm, mean, variance } of statistics) {
      blend(norm.mean, mean);
      blend(norm.variance, variance);
    }
  });
}
