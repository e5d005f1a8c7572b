import { trainConfigSchema } from '@plumbline/contract';
import { createRandom } from '@plumbline/core/random';
import { compareDetections, exportPortable, Weights } from '@plumbline/deploy/export';
import { loadEngine } from '@plumbline/train/engines';
import {
  createDetectorModel,
  type DetectorModel,
  detectOnInput,
  exportWeights,
  importWeights,
} from '@plumbline/train/model';
import * as tf from '@tensorflow/tfjs-core';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { tinyConfig } from './random-checkpoint.js';

const classes = ['a', 'b', 'c'];
const [height, width] = tinyConfig.imageSizeHw;

/** Every parameter of a detector, He-scaled; batch norm near identity, scores and deltas of some tenths. */
function randomWeights(model: DetectorModel): Weights {
  const random = createRandom(7);
  const tensors = [...exportWeights(model.parameters)].map(([name, { shape }]) => {
    const fanIn = shape.slice(1).reduce((product, side) => product * side, 1);
    const value = () => {
      if (name.endsWith('running_var')) return 0.8 + 0.4 * random.next();
      if (/running_mean$|bias$/.test(name)) return 0.05 * random.normal();
      if (shape.length === 1) return 0.7 + 0.2 * random.next();
      return ((/fc_(cls|reg)/.test(name) ? 0.4 : Math.SQRT2) / Math.sqrt(fanIn)) * random.normal();
    };
    const size = shape.reduce((product, side) => product * side, 1);
    return [name, { dtype: 'F32', shape, data: Float32Array.from({ length: size }, value) }] as const;
  });
  return new Weights('random', new Map(tensors));
}

interface Variant {
  readonly name: string;
  readonly model: object;
  readonly head?: object;
  readonly test?: object;
}

const variants: readonly Variant[] = [
  ...[1, 2, 3, 4].map((regressors) => ({ name: `decoupled, n = ${regressors}`, model: { regressors } })),
  { name: 'shared layers', model: { regressors: 2 }, head: { shared: true } },
  { name: 'class-agnostic first regressor', model: { regressors: 2 }, head: { firstRegressor: 'classAgnostic' } },
  { name: 'class-agnostic only regressor', model: { regressors: 1 }, head: { firstRegressor: 'classAgnostic' } },
  { name: 'Faster R-CNN', model: { kind: 'faster', regressors: 1 }, head: { shared: true } },
  { name: 'Cascade R-CNN', model: { kind: 'cascade', regressors: 3 }, head: { shared: true } },
  {
    name: 'Cascade R-CNN, mean of logits',
    model: { kind: 'cascade', regressors: 3 },
    head: { shared: true },
    test: { average: 'logits' },
  },
  { name: 'a classifier per stage', model: { regressors: 3, classifiers: 'perStage' } },
  {
    name: 'the second of three classifiers',
    model: { regressors: 3, classifiers: 'perStage' },
    test: { classifier: 2 },
  },
  { name: 'the first of three regressors', model: { regressors: 3 }, test: { regressor: 1 } },
  { name: 'the second of three regressors', model: { regressors: 3 }, test: { regressor: 2 } },
  {
    name: 'the first regressor and all classifiers',
    model: { regressors: 3, classifiers: 'perStage' },
    test: { regressor: 1 },
  },
  { name: 'Double-Head, n = 1', model: { regressors: 1 }, head: { branch: 'conv' } },
  {
    name: 'Double-Head, n = 2, regions 1.3 times as large',
    model: { regressors: 2 },
    head: { branch: 'conv', regressionRoiScale: 1.3 },
  },
];

describe('the exported graph finds what the trainer finds', () => {
  beforeAll(() => loadEngine('wasm'));

  it.each(variants)('$name', async ({ name, model, head = {}, test = {} }) => {
    const config = trainConfigSchema.parse({
      ...tinyConfig,
      model: { ...tinyConfig.model, ...model, head: { ...tinyConfig.model.head, ...head } },
      test: { ...tinyConfig.test, scoreThreshold: 0.2, ...test },
    });
    const detector = createDetectorModel(config, classes);
    const weights = randomWeights(detector);
    importWeights(detector.parameters, weights.entries(), name);
    const checkpoint = { source: name, config, classes, step: 1, runId: 'random', weights };
    // Smooth, as pictures are: on noise, scores of moved boxes magnify the last bits of their corners.
    const pixels = Float32Array.from({ length: height * width * 3 }, (_, i) => {
      const [cell, channel] = [Math.floor(i / 3), i % 3];
      const [y, x] = [Math.floor(cell / width), cell % width];
      return 127 + 60 * Math.sin(x / 9 + channel) + 60 * Math.cos(y / 7 - x / 23);
    });
    const { mean, std } = config.normalization;
    const image = tf.tidy(() => tf.div(tf.sub(tf.tensor4d(pixels, [1, height, width, 3]), mean), std) as tf.Tensor4D);
    const expected = detectOnInput(detector, image, [height, width], config.test.scoreThreshold);
    image.dispose();
    const { bytes } = exportPortable(checkpoint, { input: 'network-image' });
    const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1 });
    const nchw = Float32Array.from(pixels, (_, i) => {
      const [channel, cell] = [Math.floor(i / (height * width)), i % (height * width)];
      return pixels[3 * cell + channel]!;
    });
    const {
      boxes,
      scores,
      classes: ids,
    } = await session.run({ image: new Tensor('float32', nchw, [1, 3, height, width]) });
    await session.release();
    const found = Array.from(scores!.data as Float32Array, (score, i) => {
      const classId = Number((ids!.data as BigInt64Array)[i]);
      const boxXyxy = [...(boxes!.data as Float32Array).subarray(4 * i, 4 * i + 4)] as [number, number, number, number];
      return { classId, className: classes[classId]!, score, boxXyxy };
    });
    const reference = expected.map((detection) => ({ ...detection, className: classes[detection.classId]! }));
    const parity = compareDetections([reference], [found], config.test.scoreThreshold);
    expect(parity.detections).toBeGreaterThan(0);
    expect(parity.unmatched).toBe(0);
    expect(parity.maxBoxErrorPx).toBeLessThan(0.05);
    expect(parity.maxScoreError).toBeLessThan(1e-4);
  });

  it.each([
    { name: 'fully connected', head: {} },
    { name: 'convolutional', head: { branch: 'conv' } },
  ])('and nothing where no region scores, with a $name branch', async ({ name, head }) => {
    const config = trainConfigSchema.parse({
      ...tinyConfig,
      model: { ...tinyConfig.model, regressors: 2, head: { ...tinyConfig.model.head, ...head } },
      test: { ...tinyConfig.test, scoreThreshold: 0.999 },
    });
    const weights = randomWeights(createDetectorModel(config, classes));
    const checkpoint = { source: name, config, classes, step: 1, runId: 'random', weights };
    const { bytes } = exportPortable(checkpoint, { input: 'network-image' });
    const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1 });
    const image = new Tensor('float32', new Float32Array(3 * height * width), [1, 3, height, width]);
    const { scores, boxes } = await session.run({ image });
    await session.release();
    expect([scores!.dims, boxes!.dims]).toEqual([[0], [0, 4]]);
  });
});
