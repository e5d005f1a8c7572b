import { trainConfigSchema } from '@plumbline/contract';
import { exportPortable, Weights } from '@plumbline/deploy/export';
import { loadEngine } from '@plumbline/train/engines';
import {
  createDetectorModel,
  detectOnInput,
  importWeights,
  inferenceContext,
  modelAnchors,
  runTrunk,
  trainingLosses,
} from '@plumbline/train/model';
import * as tf from '@tensorflow/tfjs-core';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { goldenFolder } from '../fixtures/golden.js';

const { folder: golden, load } = goldenFolder('decoupled-rcnn');
const networkHw = [128, 160] as const;
const classes = ['c0', 'c1', 'c2', 'c3', 'c4', 'c5'];
const stored = new Map([...load('trunk.safetensors'), ...load('main/heads.safetensors')]);
const inputs = load('inputs.safetensors');
const nchw = inputs.get('images')!.data as Float32Array;
const pixels = 3 * networkHw[0] * networkHw[1];

const configOf = (pooling: object) =>
  trainConfigSchema.parse({
    imageSizeHw: networkHw,
    normalization: { mean: [0, 0, 0], std: [1, 1, 1] },
    model: { backbone: { width: 16 }, fpn: { channels: 32 }, head: { fcChannels: 64, ...pooling } },
    proposals: { trainPreNms: 600, trainPostNms: 300, testPreNms: 300, testPostNms: 200 },
    sampling: { rpnPerImage: 128, roisPerImage: 128 },
  });

const settings = [
  { aligned: true, samplingRatio: 0 },
  { aligned: true, samplingRatio: 2 },
  { aligned: false, samplingRatio: 0 },
  { aligned: false, samplingRatio: 2 },
];

function detectorOf(pooling: object) {
  const model = createDetectorModel(configOf(pooling), classes);
  importWeights(model.parameters, stored, golden);
  return model;
}

describe('pooling settings of a model', () => {
  let images: tf.Tensor4D;
  beforeAll(async () => {
    await loadEngine('wasm');
    images = tf.transpose(tf.tensor4d(Float32Array.from(nchw), [2, 3, ...networkHw]), [0, 2, 3, 1]);
  });

  it.each(settings)('aligned $aligned, sampling $samplingRatio: the exported graph finds what the trainer finds', async (
    pooling,
  ) => {
    const model = detectorOf(pooling);
    const expected = detectOnInput(model, tf.slice(images, 0, 1) as tf.Tensor4D, networkHw, 0.05);
    expect(expected.length).toBeGreaterThan(0);
    const weights = new Weights('heads', stored);
    const checkpoint = { source: 'golden', config: model.config, classes, step: 0, runId: 'golden', weights };
    const { bytes } = exportPortable(checkpoint, { input: 'network-image' });
    const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1 });
    const feeds = { image: new Tensor('float32', nchw.slice(0, pixels), [1, 3, ...networkHw]) };
    const found = await session.run(feeds);
    await session.release();
    expect(Array.from(found.classes!.data as BigInt64Array, Number)).toEqual(expected.map((d) => d.classId));
    const [scores, boxes] = [found.scores!.data as Float32Array, found.boxes!.data as Float32Array];
    for (const [i, { score, boxXyxy }] of expected.entries()) {
      expect(Math.abs(scores[i]! - score)).toBeLessThan(1e-4);
      for (const [k, corner] of boxXyxy.entries()) expect(Math.abs(boxes[4 * i + k]! - corner)).toBeLessThan(1e-2);
    }
  });

  it('each gives other losses, all of them finite and with a gradient that reaches the pyramid', () => {
    const gt = [0, 1].map((b) => ({
      boxesXyxy: inputs.get(`gt_boxes_${b}`)!.data as Float32Array,
      labels: inputs.get(`gt_labels_${b}`)!.data as Int32Array,
    }));
    const losses = settings.map((pooling) =>
      tf.tidy(() => {
        const model = detectorOf(pooling);
        const lateral = model.parameters.find((p) => p.name === 'neck.lateral_convs.0.weight')!;
        const { value, grads } = tf.variableGrads(() => {
          const trunk = runTrunk(model, images, inferenceContext);
          const anchors = modelAnchors(model.config);
          const { terms } = trainingLosses(model, trunk, anchors, gt, (candidates, k) => candidates.slice(0, k));
          return tf.add(terms.cls!, terms['reg.1']!) as tf.Scalar;
        }, [lateral.variable]);
        const norm = tf.norm(grads[lateral.variable.name]!).dataSync()[0]!;
        expect(norm).toBeGreaterThan(0);
        expect(Number.isFinite(norm)).toBe(true);
        return value.dataSync()[0]!;
      }),
    );
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(new Set(losses).size).toBe(settings.length);
  });
});
