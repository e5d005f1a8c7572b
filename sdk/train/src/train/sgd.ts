import type { TrainConfig } from '@plumbline/contract';
import * as tf from '@tensorflow/tfjs-core';
import type { Parameter } from '../model/index.js';

/** Stochastic gradient descent with momentum, weight decay on every trainable value and clipping of the global norm. */
export class Sgd {
  readonly velocity = new Map<string, tf.Variable>();

  constructor(
    private readonly parameters: readonly Parameter[],
    private readonly schedule: TrainConfig['schedule'],
  ) {
    for (const parameter of parameters) {
      if (!parameter.trainable) continue;
      const zero = tf.zeros(parameter.variable.shape);
      this.velocity.set(parameter.name, tf.variable(zero, false));
      zero.dispose();
    }
  }

  /**
   * v = momentum * v + (g + weightDecay * w); w = w - learningRate * v (PyTorch's form).
   * @param gradients by the variable's own name
   * @returns norm of all gradients before clipping
   */
  async apply(gradients: tf.NamedTensorMap, learningRate: number): Promise<number> {
    const { momentum, weightDecay, clipGradientNorm } = this.schedule;
    const squares = tf.tidy(() => tf.addN(Object.values(gradients).map((gradient) => tf.sum(tf.square(gradient)))));
    const norm = Math.sqrt((await squares.data())[0]!);
    squares.dispose();
    if (!Number.isFinite(norm)) return norm;
    const factor = clipGradientNorm !== null && norm > clipGradientNorm ? clipGradientNorm / norm : 1;
    tf.tidy(() => {
      for (const parameter of this.parameters) {
        const gradient = gradients[parameter.variable.name];
        if (!gradient) continue;
        const velocity = this.velocity.get(parameter.name)!;
        const pull = tf.add(tf.mul(gradient, factor), tf.mul(parameter.variable, weightDecay));
        velocity.assign(tf.add(tf.mul(velocity, momentum), pull));
        parameter.variable.assign(tf.sub(parameter.variable, tf.mul(velocity, learningRate)));
      }
    });
    return norm;
  }
}
