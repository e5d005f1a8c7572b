import * as tf from '@tensorflow/tfjs-core';
import { attribute, defineKernel, executeMany, isTensorflow, runKernel } from '../tensorflow/kernels.js';

export interface BatchNormResult {
  /** [N, H, W, C] normalised with the statistics of this batch. */
  y: tf.Tensor4D;
  /** [C] mean of this batch; carries no gradient. */
  mean: tf.Tensor1D;
  /** [C] variance of this batch divided by n-1 (what PyTorch and TensorFlow put into the running average); no gradient. */
  variance: tf.Tensor1D;
}

/**
 * Batch normalisation with the statistics of the batch, over N, H and W.
 *
 * y = (x - mean) / sqrt(var + epsilon) * scale + offset, with var divided by n. On tensorflow it is one
 * FusedBatchNormV3 and one FusedBatchNormGradV3: forward + backward of [8, 104, 104, 64] takes 7 ms (1.7 cores busy of
 * 2) instead of 33 with moments and tf.batchNorm.
 * @param x [N, H, W, C]
 * @param scale [C]
 * @param offset [C]
 */
export function batchNormTrain(
  x: tf.Tensor4D,
  scale: tf.Tensor1D,
  offset: tf.Tensor1D,
  epsilon = 1e-5,
): BatchNormResult {
  if (!isTensorflow()) return composite(x, scale, offset, epsilon);
  define();
  const [y, mean, variance] = runKernel('PlumblineBatchNormTrain', { x, scale, offset }, { epsilon });
  return { y: y as tf.Tensor4D, mean: mean as tf.Tensor1D, variance: variance as tf.Tensor1D };
}

function composite(x: tf.Tensor4D, scale: tf.Tensor1D, offset: tf.Tensor1D, epsilon: number): BatchNormResult {
  const mean = tf.mean(x, [0, 1, 2]) as tf.Tensor1D;
  const centred = tf.sub(x, mean) as tf.Tensor4D;
  const variance = tf.mean(tf.square(centred), [0, 1, 2]) as tf.Tensor1D;
  const factor = tf.mul(tf.rsqrt(tf.add(variance, epsilon)), scale);
  const count = x.size / x.shape[3];
  return {
    y: tf.add(tf.mul(centred, factor), offset) as tf.Tensor4D,
    mean,
    variance: tf.mul(variance, count / Math.max(1, count - 1)) as tf.Tensor1D,
  };
}

function define(): void {
  const attributes = (epsilon: unknown) => [
    attribute.floatType('T'),
    attribute.floatType('U'),
    attribute.float('epsilon', epsilon as number),
    attribute.string('data_format', 'NHWC'),
    attribute.bool('is_training', true),
  ];
  defineKernel({
    name: 'PlumblineBatchNormTrain',
    forward: ({ x, scale, offset }, { epsilon }) => {
      // With is_training the operation wants its running statistics empty.
      const none = tf.tensor1d(new Float32Array(0));
      const forward = [...attributes(epsilon), attribute.float('exponential_avg_factor', 1)];
      const outputs = executeMany('FusedBatchNormV3', forward, [x!, scale!, offset!, none, none], 6);
      none.dispose();
      return outputs;
    },
    saveInputs: ['x', 'scale'],
    saveOutputs: [false, false, false, true, true, true],
    gradient: ([dy], [x, scale, ...reserved], { epsilon }) => {
      const [dx, dScale, dOffset, ...unused] = executeMany(
        'FusedBatchNormGradV3',
        attributes(epsilon),
        [dy!, x!, scale!, ...reserved],
        5,
      );
      for (const tensor of unused) tensor.dispose();
      return { x: () => dx!, scale: () => dScale!, offset: () => dOffset! };
    },
  });
}
