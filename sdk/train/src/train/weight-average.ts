import * as tf from '@tensorflow/tfjs-core';
import type { Parameter } from '../model/index.js';

/**
 * Exponential moving average of everything that training changes: weights and running statistics.
 * a = d * a + (1 - d) * w with d = min(decay, (1 + steps) / (10 + steps)), so that early weights do not linger.
 * Source of the ramp: TensorFlow's ExponentialMovingAverage with num_updates.
 */
export class WeightAverage {
  private readonly averages = new Map<string, tf.Variable>();

  constructor(
    private readonly parameters: readonly Parameter[],
    private readonly decay: number,
  ) {
    for (const parameter of parameters) {
      if (parameter.trainable || parameter.isStatistic)
        this.averages.set(parameter.name, tf.variable(parameter.variable, false));
    }
  }

  /** The value a model is used with: the average, or the parameter itself where nothing changes it. */
  of(parameter: Parameter): tf.Variable {
    return this.averages.get(parameter.name) ?? parameter.variable;
  }

  /** @param steps of the optimizer so far, the first is 1 */
  update(steps: number): void {
    const decay = Math.min(this.decay, (1 + steps) / (10 + steps));
    this.each((average, weight) => average.assign(tf.add(tf.mul(average, decay), tf.mul(weight, 1 - decay))));
  }

  /** Makes the weights themselves the average, as at the beginning of a run. */
  restart(): void {
    this.each((average, weight) => average.assign(tf.clone(weight)));
  }

  /** Gives the model the averages while `work` runs. */
  async during<Result>(work: () => Promise<Result>): Promise<Result> {
    this.swap();
    try {
      return await work();
    } finally {
      this.swap();
    }
  }

  /** Exchanges weights and averages. */
  swap(): void {
    this.each((average, weight) => {
      const held = tf.clone(weight);
      weight.assign(tf.clone(average));
      average.assign(held);
    });
  }

  private each(work: (average: tf.Variable, weight: tf.Variable) => void): void {
    for (const parameter of this.parameters) {
      const average = this.averages.get(parameter.name);
      // What is assigned shares its memory with the variable and is disposed as a tensor of its own.
      if (average) tf.tidy(() => work(average, parameter.variable));
    }
  }
}
