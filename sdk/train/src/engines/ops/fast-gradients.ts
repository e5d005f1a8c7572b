import * as tf from '@tensorflow/tfjs-core';

/**
 * Replaces two gradients of tfjs that build an array of ones of the input's size in JavaScript: the gradient of a
 * sum and of a mean becomes one broadcast inside the engine.
 */
export function registerFastGradients(): void {
  if (tf.getGradient(tf.Sum)?.gradFunc === sumGradient) return;
  tf.registerGradient({ kernelName: tf.Sum, inputsToSave: ['x'], gradFunc: sumGradient });
  tf.registerGradient({ kernelName: tf.Mean, inputsToSave: ['x'], gradFunc: meanGradient });
}

const sumGradient: tf.GradFunc = (dy, [x], attrs) => ({ x: () => spread(dy as tf.Tensor, x!, axesOf(attrs, x!)) });

const meanGradient: tf.GradFunc = (dy, [x], attrs) => ({
  x: () => {
    const axes = axesOf(attrs, x!);
    const count = axes.reduce((product, axis) => product * x!.shape[axis]!, 1);
    return spread(tf.div(dy as tf.Tensor, count), x!, axes);
  },
});

function axesOf(attrs: tf.NamedAttrMap, x: tf.Tensor): number[] {
  return tf.util.parseAxisParam(attrs.axis as number | number[], x.shape);
}

function spread(dy: tf.Tensor, x: tf.Tensor, axes: number[]): tf.Tensor {
  const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  return tf.broadcastTo(tf.reshape(dy, kept), x.shape);
}
