import * as tf from '@tensorflow/tfjs-core';

/**
 * 3x3 max pooling with stride 2 and one pixel of zeros around, as in ResNet's stem.
 *
 * The stock operations: on tensorflow [8, 104, 104, 64] takes 3 ms forward and 27 with the gradient (2 cores).
 * MaxPoolWithArgmax and its gradient take 32, so they are no gain.
 * @param x [N, H, W, C], not negative (it follows a relu), so that zeros never win over a value; the gradient on wasm
 *   (tfjs 4.22) needs it too, it drops a window whose maximum is not positive
 */
export function maxPool3x3s2(x: tf.Tensor4D): tf.Tensor4D {
  return tf.maxPool(
    tf.pad4d(x, [
      [0, 0],
      [1, 1],
      [1, 1],
      [0, 0],
    ]),
    3,
    2,
    'valid',
  );
}
