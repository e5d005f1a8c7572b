import * as tf from '@tensorflow/tfjs-core';

/**
 * Sum of binary cross-entropies of logits [N] against labels [N] of 0 or 1, in the overflow-safe form. Its gradient is
 * written out: those of relu and abs leave a half out at a logit of exactly 0, which blank inputs have.
 */
export function binaryCrossEntropySum(logits: tf.Tensor1D, labels: tf.Tensor1D): tf.Scalar {
  const perRow = tf.customGrad((x, y, save) => {
    (save as tf.GradSaveFunc)([x as tf.Tensor, y as tf.Tensor]);
    const [logit, label] = [x as tf.Tensor, y as tf.Tensor];
    const tail = tf.log1p(tf.exp(tf.neg(tf.abs(logit))));
    return {
      value: tf.add(tf.sub(tf.relu(logit), tf.mul(logit, label)), tail),
      gradFunc: (dy, saved) => {
        const [savedLogit, savedLabel] = saved as [tf.Tensor, tf.Tensor];
        return [tf.mul(dy, tf.sub(tf.sigmoid(savedLogit), savedLabel)), tf.mul(dy, tf.neg(savedLogit))];
      },
    };
  });
  return tf.sum(perRow(logits, labels)) as tf.Scalar;
}

/** Sum of absolute differences over rows and coordinates; the gradient of a difference of 0 is 0. */
export function l1Sum(predicted: tf.Tensor2D, target: tf.Tensor2D): tf.Scalar {
  return tf.sum(tf.abs(tf.sub(predicted, target))) as tf.Scalar;
}

/**
 * Sum over rows and coordinates of the smooth L1 loss: d^2 / (2 beta) where |d| < beta, |d| - beta / 2 elsewhere.
 * @param beta not negative; 0 is {@link l1Sum}, 1 mmdetection's Cascade R-CNN, 1/9 torchvision
 * Source: Fast R-CNN (arXiv:1504.08083) eq. 3 with torchvision's beta.
 */
export function smoothL1Sum(predicted: tf.Tensor2D, target: tf.Tensor2D, beta = 1): tf.Scalar {
  if (beta === 0) return l1Sum(predicted, target);
  const distance = tf.abs(tf.sub(predicted, target));
  const inside = tf.minimum(distance, beta);
  return tf.sum(tf.mul(inside, tf.sub(tf.div(distance, beta), tf.div(inside, 2 * beta)))) as tf.Scalar;
}

/** Mean cross-entropy of logits [R, K] against class ids [R]. */
export function crossEntropyMean(logits: tf.Tensor2D, labels: Int32Array): tf.Scalar {
  const target = tf.oneHot(tf.tensor1d(labels, 'int32'), logits.shape[1]);
  const perRow = tf.neg(tf.sum(tf.mul(tf.cast(target, 'float32'), tf.logSoftmax(logits)), 1));
  return tf.mean(perRow) as tf.Scalar;
}
