/** Shapes in this module: x is [B, H, W, C] float32. */
import * as tf from '@tensorflow/tfjs-core';
import { batchNorm, batchNormEpsilon, type ForwardContext } from './layers.js';
import type { BatchNormParameters, GroupNormParameters, ParameterStore } from './parameters.js';

/**
 * What follows a convolution of the backbone:
 * `batch` normalises with the batch in training and with running statistics otherwise;
 * `frozenBatch` always with running statistics, which nothing changes;
 * `group` with each image's own statistics per group of channels (Wu and He, arXiv:1803.08494).
 */
export type NormParameters =
  | ({ readonly kind: 'batch' | 'frozenBatch' } & BatchNormParameters)
  | ({ readonly kind: 'group'; readonly groups: number } & GroupNormParameters);

export interface NormSettings {
  readonly norm: NormParameters['kind'];
  readonly groupNormGroups?: number;
}

/** Scale and offset are trained unless the store is freezing; then batch norm keeps its statistics as well. */
export function createNorm(
  store: ParameterStore,
  path: string,
  channels: number,
  { norm: kind, groupNormGroups }: NormSettings,
): NormParameters {
  if (kind === 'group') return { kind, groups: groupNormGroups!, ...store.groupNorm(path, channels) };
  const parameters = store.batchNorm(path, channels);
  return { kind: parameters.scale.trainable ? kind : 'frozenBatch', ...parameters };
}

/** @returns [B, H, W, C] */
export function norm(x: tf.Tensor4D, parameters: NormParameters, context: ForwardContext): tf.Tensor4D {
  if (parameters.kind === 'group') return groupNorm(x, parameters, parameters.groups);
  if (parameters.kind === 'frozenBatch' && context.training) return affine(x, parameters);
  return batchNorm(x, parameters, context);
}

/**
 * Batch norm with its running statistics as one factor and one offset per channel; no gradient reaches the statistics.
 * tfjs has a gradient for its own batch norm as well, which builds several arrays of the size of x.
 */
function affine(x: tf.Tensor4D, parameters: BatchNormParameters): tf.Tensor4D {
  const deviation = tf.sqrt(tf.add(parameters.variance.variable, batchNormEpsilon));
  const factor = tf.div(parameters.scale.variable, deviation);
  const offset = tf.sub(parameters.offset.variable, tf.mul(parameters.mean.variable, factor));
  return tf.add(tf.mul(x, factor), offset) as tf.Tensor4D;
}

/** Mean and variance (divided by n) over H, W and the channels of a group. */
function groupNorm(x: tf.Tensor4D, parameters: GroupNormParameters, groups: number): tf.Tensor4D {
  const [batch, height, width, channels] = x.shape;
  const grouped = tf.reshape(x, [batch, height * width, groups, channels / groups]);
  const centred = tf.sub(grouped, tf.mean(grouped, [1, 3], true));
  const variance = tf.mean(tf.square(centred), [1, 3], true);
  const normalised = tf.reshape(tf.mul(centred, tf.rsqrt(tf.add(variance, batchNormEpsilon))), x.shape);
  return tf.add(tf.mul(normalised, parameters.scale.variable), parameters.offset.variable) as tf.Tensor4D;
}
