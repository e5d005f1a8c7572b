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
  /** Every term by name, and `total`; like `positives` and `meanIou` the mean over the batches of the step. */
  readonly loss: Readonly<Record<string, number>>;
  /** Norm of all gradients before clipping; NaN when a loss is not finite: then nothing was changed. */
  readonly gradientNorm: number;
  readonly positives: readonly number[];
  readonly meanIou: readonly number[];
  readonly seconds: StepSeconds;
}

/** Where the time of a step went. */
export interface StepSeconds {
  /** From the pixels to the losses on the host: network, proposals, matching, sampling; of all batches. */
  readonly forward: number;
  readonly backward: number;
  /** Optimizer and running statistics. */
  readonly update: number;
}

/**
 * One step of the optimizer on the mean gradient of its batches. Nothing is changed when a loss or a gradient is not
 * finite; batches after that are not looked at.
 */
export async function trainStep(
  model: DetectorModel,
  optimizer: Sgd,
  batches: readonly StepBatch[],
  learningRate: number,
  choose: Choose,
): Promise<StepOutcome> {
  const startedMs = performance.now();
  const passed: BatchGradients[] = [];
  let sum: tf.NamedTensorMap = {};
  for (const batch of batches) {
    const { gradients, ...rest } = await batchGradients(model, batch, choose);
    passed.push(rest);
    sum = added(sum, gradients);
    if (!Object.values(rest.loss).every(Number.isFinite)) break;
  }
  const updateMs = performance.now();
  const loss = meanByName(passed.map((batch) => batch.loss));
  const finite = Object.values(loss).every(Number.isFinite);
  if (batches.length > 1) sum = divided(sum, batches.length);
  const gradientNorm = finite ? await optimizer.apply(sum, learningRate) : Number.NaN;
  for (const { statistics } of passed) {
    if (Number.isFinite(gradientNorm)) updateRunningStatistics(statistics);
    for (const { mean, variance } of statistics) tf.dispose([mean, variance]);
  }
  tf.dispose(sum);
  const forward = passed.reduce((seconds, batch) => seconds + batch.forwardMs / 1000, 0);
  return {
    loss,
    gradientNorm,
    positives: meanByPlace(passed.map(({ stages }) => stages.map((stage) => stage.positives))),
    meanIou: meanByPlace(passed.map(({ stages }) => stages.map((stage) => stage.meanIou))),
    seconds: {
      forward,
      backward: (updateMs - startedMs) / 1000 - forward,
      update: (performance.now() - updateMs) / 1000,
    },
  };
}

/** What one batch says, its gradients aside. */
interface BatchGradients {
  readonly loss: Readonly<Record<string, number>>;
  readonly stages: readonly { readonly positives: number; readonly meanIou: number }[];
  readonly statistics: ForwardContext['batchStatistics'];
  readonly forwardMs: number;
}

async function batchGradients(
  model: DetectorModel,
  batch: StepBatch,
  choose: Choose,
): Promise<BatchGradients & { readonly gradients: tf.NamedTensorMap }> {
  const startedMs = performance.now();
  const context: ForwardContext = { training: true, batchStatistics: [] };
  const [height, width] = batch.sizeHw;
  const variables = model.parameters.filter((parameter) => parameter.trainable).map((parameter) => parameter.variable);
  const anchors = modelAnchors(model.config, batch.sizeHw);
  const loss: Record<string, number> = {};
  let forwardMs = 0;
  let stages: BatchGradients['stages'] = [];
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
    forwardMs = performance.now() - startedMs;
    return result.total;
  }, variables);
  tf.dispose([value, images]);
  return { loss, stages, statistics: context.batchStatistics, forwardMs, gradients: grads };
}

/** Element by element; disposes of what it was given. */
function added(sum: tf.NamedTensorMap, more: tf.NamedTensorMap): tf.NamedTensorMap {
  if (Object.keys(sum).length === 0) return more;
  // A variable that one batch does not reach has no gradient there.
  const names = new Set([...Object.keys(sum), ...Object.keys(more)]);
  const result = Object.fromEntries(
    [...names].map((name) => {
      const [a, b] = [sum[name], more[name]];
      return [name, a && b ? tf.add(a, b) : tf.clone((a ?? b)!)];
    }),
  );
  tf.dispose([sum, more]);
  return result;
}

function divided(sum: tf.NamedTensorMap, divisor: number): tf.NamedTensorMap {
  const result = Object.fromEntries(Object.entries(sum).map(([name, value]) => [name, tf.div(value, divisor)]));
  tf.dispose(sum);
  return result;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

function meanByName(rows: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  return Object.fromEntries(Object.keys(rows[0]!).map((name) => [name, mean(rows.map((row) => row[name]!))]));
}

function meanByPlace(rows: readonly (readonly number[])[]): number[] {
  return rows[0]!.map((_, i) => mean(rows.map((row) => row[i]!)));
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
