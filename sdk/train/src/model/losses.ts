import * as tf from '@tensorflow/tfjs-core';

/** Sum of binary cross-entropies of logits [N] against labels [N] of 0 or 1, in the overflow-safe form. */
export function binaryCrossEntropySum(logits: tf.Tensor1D, labels: tf.Tensor1D): tf.Scalar {
  const perRow = tf.add(tf.sub(tf.relu(logits), tf.mul(logits, labels)), tf.log1p(tf.exp(tf.neg(tf.abs(logits)))));
  return tf.sum(perRow) as tf.Scalar;
}

/** Sum of absolute differences over rows and coordinates. */
export function l1Sum(predicted: tf.Tensor2D, target: tf.Tensor2D): tf.Scalar {
  return tf.sum(tf.abs(tf.sub(predicted, target))) as tf.Scalar;
}

/** Mean cross-entropy of logits [R, K] against class ids [R]. */
export function crossEntropyMean(logits: tf.Tensor2D, labels: Int32Array): tf.Scalar {
  const target = tf.oneHot(tf.tensor1d(labels, 'int32'), logits.shape[1]);
  const perRow = tf.neg(tf.sum(tf.mul(tf.cast(target, 'float32'), tf.logSoftmax(logits)), 1));
  return tf.mean(perRow) as tf.Scalar;
}
