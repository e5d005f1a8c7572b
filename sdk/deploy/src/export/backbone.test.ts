import { backboneConfigSchema, backboneStages, trainConfigSchema } from '@plumbline/contract';
import { createRandom } from '@plumbline/core/random';
import { loadEngine } from '@plumbline/train/engines';
import {
  backbone,
  createBackbone,
  createDetectorModel,
  detectOnInput,
  exportWeights,
  inferenceContext,
  type Parameter,
  ParameterStore,
} from '@plumbline/train/model';
import * as tf from '@tensorflow/tfjs-core';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildBackbone } from './backbone.js';
import { Weights } from './checkpoint.js';
import { GraphBuilder } from './graph-builder.js';
import { exportPortable } from './portable.js';

const sizeHw = [64, 96] as const;
const inputScale = [0.5, 2, 1.25];

beforeAll(async () => void (await loadEngine('wasm')));

describe('buildBackbone', () => {
  it.each([
    ['basic blocks', { blocks: [1, 2, 1, 1], width: 8 }],
    ['bottlenecks', { block: 'bottleneck', blocks: [2, 1, 1, 1], width: 8 }],
    ['grouped convolutions', { block: 'bottleneck', blocks: [1, 2, 1, 1], width: 16, groups: 4, baseWidth: 16 }],
    ['group norm', { block: 'bottleneck', blocks: [1, 1, 1, 1], width: 8, norm: 'group', groupNormGroups: 4 }],
    [
      'group norm after grouped convolutions',
      { preset: 'resnext101-32x4d', blocks: [1, 1, 1, 1], width: 16, norm: 'group', groupNormGroups: 8 },
    ],
    ['frozen batch norm', { blocks: [1, 1, 1, 1], width: 8, norm: 'frozenBatch', frozenStages: 1 }],
  ])('computes in ONNX Runtime what the trainer computes with %s', async (_, settings) => {
    const config = backboneConfigSchema.parse(settings);
    const random = createRandom(4);
    const store = new ParameterStore(random);
    const parameters = createBackbone(store, config);
    // A fresh norm is the identity; values of its own show a missing or misplaced one.
    for (const { kind, variable, name } of store.parameters) {
      if (kind !== 'vector') continue;
      const centre = /weight|var/.test(name) ? 1 : 0;
      const values = Float32Array.from({ length: variable.size }, () => centre + 0.4 * (random.next() - 0.5));
      variable.assign(tf.tensor1d(values));
    }
    const pixels = Float32Array.from({ length: 3 * sizeHw[0] * sizeHw[1] }, () => random.normal());

    const b = new GraphBuilder('backbone', 17);
    const dims = [1, 3, ...sizeHw];
    const weights = new Weights('tiny', exportedTensors(store.parameters));
    const outputs = buildBackbone(b, weights, config, b.input('image', 'float', dims), inputScale);
    const channels = backboneStages(config).map((stage) => stage.outputs);
    for (const [i, value] of outputs.entries()) b.output(`c${i}`, value, 'float', [1, channels[i]!, 'h', 'w']);
    const session = await InferenceSession.create(b.finish('0', {}), { intraOpNumThreads: 1 });
    const found = await session.run({ image: new Tensor('float32', pixels, dims) });
    await session.release();

    tf.tidy(() => {
      const nhwc = tf.transpose(tf.tensor4d(pixels, [1, 3, ...sizeHw]), [0, 2, 3, 1]);
      const expected = backbone(tf.mul(nhwc, inputScale) as tf.Tensor4D, parameters, inferenceContext);
      for (const [i, c] of expected.entries()) {
        const values = tf.transpose(c, [0, 3, 1, 2]);
        expect(found[`c${i}`]!.dims).toEqual(values.shape);
        const actual = tf.tensor(found[`c${i}`]!.data as Float32Array, values.shape);
        const error = tf.max(tf.abs(tf.sub(actual, values))).dataSync()[0]!;
        expect(error, `C${i + 2}`).toBeLessThan(1e-4 * tf.max(tf.abs(values)).dataSync()[0]!);
      }
    });
    for (const { variable } of store.parameters) variable.dispose();
  });
});

describe('exportPortable', () => {
  it('finds what the trainer finds with a bottleneck, whose pyramid takes four times the channels', async () => {
    const config = trainConfigSchema.parse({
      imageSizeHw: sizeHw,
      normalization: { mean: [0, 0, 0], std: [1, 1, 1] },
      model: {
        backbone: { block: 'bottleneck', blocks: [1, 1, 1, 1], width: 8, norm: 'group', groupNormGroups: 4 },
        fpn: { channels: 16 },
        head: { fcChannels: 32 },
      },
      proposals: { testPreNms: 60, testPostNms: 20 },
      test: { scoreThreshold: 0.1 },
    });
    const classes = ['a', 'b'];
    const model = createDetectorModel(config, classes);
    const random = createRandom(9);
    // Fresh output layers answer almost the same everywhere; ten times that tells regions apart.
    for (const { name, variable } of model.parameters)
      if (/fc_cls|fc_reg|rpn_cls|rpn_reg/.test(name)) variable.assign(tf.mul(variable, 10));
    const pixels = Float32Array.from({ length: 3 * sizeHw[0] * sizeHw[1] }, () => random.normal());
    const nhwc = tf.transpose(tf.tensor4d(pixels, [1, 3, ...sizeHw]), [0, 2, 3, 1]) as tf.Tensor4D;
    const expected = detectOnInput(model, nhwc, sizeHw, config.test.scoreThreshold);
    expect(expected.length).toBeGreaterThan(3);

    const weights = new Weights('tiny', exportedTensors(model.parameters));
    const checkpoint = { source: 'tiny', config, classes, step: 0, runId: 'tiny', weights };
    const { bytes } = exportPortable(checkpoint, { input: 'network-image' });
    const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1 });
    const found = await session.run({ image: new Tensor('float32', pixels, [1, 3, ...sizeHw]) });
    await session.release();
    expect(Array.from(found.classes!.data as BigInt64Array, Number)).toEqual(expected.map(({ classId }) => classId));
    const boxes = found.boxes!.data as Float32Array;
    for (const [i, { score, boxXyxy }] of expected.entries()) {
      expect((found.scores!.data as Float32Array)[i]).toBeCloseTo(score, 4);
      for (const [k, side] of boxXyxy.entries()) expect(Math.abs(boxes[4 * i + k]! - side)).toBeLessThan(1e-2);
    }
  });
});

function exportedTensors(parameters: readonly Parameter[]) {
  return new Map(
    [...exportWeights(parameters)].map(([name, { shape, data }]) => [name, { dtype: 'F32' as const, shape, data }]),
  );
}
