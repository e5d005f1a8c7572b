import * as tf from '@tensorflow/tfjs-core';
import { attribute, defineKernel, execute, isTensorflow, runKernel } from '../tensorflow/kernels.js';

/**
 * x [..., C] + bias [C]. On tensorflow the bias gradient is one BiasAddGrad instead of a general reduction:
 * forward + backward of [8, 104, 104, 64] takes 2.0 ms instead of 2.5 (2 cores).
 */
export function biasAdd<T extends tf.Tensor>(x: T, bias: tf.Tensor1D): T {
  if (!isTensorflow()) return tf.add(x, bias) as T;
  const attributes = () => [attribute.floatType('T'), attribute.string('data_format', 'NHWC')];
  defineKernel({
    name: 'PlumblineBiasAdd',
    forward: ({ x, bias }) => execute('BiasAdd', attributes(), [x!, bias!]),
    gradient: ([dy]) => ({ x: () => dy!, bias: () => execute('BiasAddGrad', attributes(), [dy!]) }),
  });
  return runKernel('PlumblineBiasAdd', { x, bias })[0] as T;
}
