import * as tf from '@tensorflow/tfjs-core';
import { attribute, defineKernel, execute, isTensorflow, runKernel } from '../tensorflow/kernels.js';

/**
 * max(x, 0) of any shape. On tensorflow the gradient is one ReluGrad operation instead of step, cast and multiply:
 * forward + backward of [8, 104, 104, 64] takes 2.4 ms instead of 28 (2 cores).
 */
export function relu<T extends tf.Tensor>(x: T): T {
  if (!isTensorflow()) return tf.relu(x);
  defineKernel({
    name: 'PlumblineRelu',
    forward: ({ x }) => execute('Relu', [attribute.floatType('T')], [x!]),
    // The output serves as well as the input and is kept anyway, as the input of the next layer.
    saveOutputs: [true],
    gradient: ([dy], [y]) => ({ x: () => execute('ReluGrad', [attribute.floatType('T')], [dy!, y!]) }),
  });
  return runKernel('PlumblineRelu', { x })[0] as T;
}
