/** Shapes in this module: B images, H x W cells, C channels; feature maps are NHWC float32. */
import * as tf from '@tensorflow/tfjs-core';
import { batchNormTrain, biasAdd, conv2dGrouped, conv2dPadded } from '../engines/index.js';
import type { BatchNormParameters, ConvParameters, DenseParameters } from './parameters.js';

export const batchNormEpsilon = 1e-5;

/** What a forward pass needs to know besides tensors. */
export interface ForwardContext {
  readonly training: boolean;
  /** In training: statistics of each batch norm of this batch, for the running averages (disposed by the trainer). */
  readonly batchStatistics: {
    readonly norm: BatchNormParameters;
    readonly mean: tf.Tensor1D;
    readonly variance: tf.Tensor1D;
  }[];
}

export const inferenceContext: ForwardContext = { training: false, batchStatistics: [] };

export { relu } from '../engines/index.js';

/** Convolution with PyTorch's symmetric padding (size - 1) / 2; in groups when the filter takes fewer channels than x has. */
export function conv(x: tf.Tensor4D, parameters: ConvParameters, stride = 1): tf.Tensor4D {
  const filter = parameters.weight.variable as unknown as tf.Tensor4D;
  const pad = (filter.shape[0] - 1) / 2;
  let y: tf.Tensor4D;
  if (filter.shape[2] !== x.shape[3]) y = conv2dGrouped(x, filter, stride, pad);
  // For stride 1 an odd kernel's 'same' is symmetric, and a 1x1 kernel needs no padding at all.
  else if (stride === 1) y = tf.conv2d(x, filter, 1, 'same');
  else if (pad === 0) y = tf.conv2d(x, filter, stride, 'valid');
  else y = conv2dPadded(x, filter, stride, [pad, pad, pad, pad]);
  return parameters.bias ? biasAdd(y, parameters.bias.variable as unknown as tf.Tensor1D) : y;
}

export function batchNorm(x: tf.Tensor4D, parameters: BatchNormParameters, context: ForwardContext): tf.Tensor4D {
  const scale = parameters.scale.variable as unknown as tf.Tensor1D;
  const offset = parameters.offset.variable as unknown as tf.Tensor1D;
  if (!context.training) {
    const mean = parameters.mean.variable as unknown as tf.Tensor1D;
    const variance = parameters.variance.variable as unknown as tf.Tensor1D;
    return tf.batchNorm4d(x, mean, variance, offset, scale, batchNormEpsilon);
  }
  const { y, mean, variance } = batchNormTrain(x, scale, offset, batchNormEpsilon);
  context.batchStatistics.push({ norm: parameters, mean: tf.keep(mean), variance: tf.keep(variance) });
  return y;
}

export function dense(x: tf.Tensor2D, parameters: DenseParameters): tf.Tensor2D {
  const product = tf.matMul(x, parameters.weight.variable as unknown as tf.Tensor2D) as tf.Tensor2D;
  return biasAdd(product, parameters.bias.variable as unknown as tf.Tensor1D);
}
