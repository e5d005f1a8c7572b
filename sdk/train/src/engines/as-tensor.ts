import * as tf from '@tensorflow/tfjs-core';

/**
 * Kernels get tensors or bare records of them; operations need tensors. A tensor stays itself: a second handle would free
 * its memory when it is disposed.
 */
export function asTensor<T extends tf.Tensor>(info: tf.TensorInfo): T {
  return (info instanceof tf.Tensor ? info : tf.engine().makeTensorFromTensorInfo(info)) as T;
}
