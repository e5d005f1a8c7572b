import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEngine } from '../engines/index.js';
import type { Parameter } from '../model/index.js';
import { WeightAverage } from './weight-average.js';

beforeAll(() => loadEngine('wasm'));

const parameter = (name: string, values: number[], kind: Partial<Parameter>): Parameter => ({
  name,
  kind: 'vector',
  shape: [values.length],
  variable: tf.variable(tf.tensor1d(values)),
  trainable: false,
  isStatistic: false,
  ...kind,
});

describe('WeightAverage', () => {
  it('follows weights and statistics, faster in the first steps, and leaves what is frozen alone', async () => {
    const weight = parameter('weight', [0, 10], { trainable: true });
    const statistic = parameter('mean', [1], { isStatistic: true });
    const frozen = parameter('frozen', [5], {});
    const average = new WeightAverage([weight, statistic, frozen], 0.9);
    const values = (of: Parameter) => [...average.of(of).dataSync()];
    weight.variable.assign(tf.tensor1d([11, 10]));
    statistic.variable.assign(tf.tensor1d([12]));
    average.update(1); // d = 2 / 11
    expect(values(weight)).toEqual([expect.closeTo(9, 5), expect.closeTo(10, 5)]);
    expect(values(statistic)).toEqual([expect.closeTo(10, 5)]);
    weight.variable.assign(tf.tensor1d([19, 10]));
    average.update(1000); // d = 0.9
    expect(values(weight)[0]).toBeCloseTo(10, 5);
    expect(average.of(frozen)).toBe(frozen.variable);

    const { numTensors } = tf.memory();
    const during = await average.during(async () => [...weight.variable.dataSync()]);
    expect(during[0]).toBeCloseTo(10, 5);
    expect(weight.variable.dataSync()[0]).toBe(19);
    average.update(1001);
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});
