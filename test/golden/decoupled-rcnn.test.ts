import { type TrainConfig, trainConfigSchema } from '@plumbline/contract';
import { loadEngine } from '@plumbline/train/engines';
import {
  createDetectorModel,
  type DetectorModel,
  detectOnInput,
  importWeights,
  inferenceContext,
  modelAnchors,
  runTrunk,
  selectCandidates,
  suppressCandidates,
  trainingLosses,
} from '@plumbline/train/model';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { goldenFolder, maxError, takeFirst } from '../fixtures/golden.js';
import { trainingEngines } from '../fixtures/training-engines.js';

// Numbers of an independent PyTorch implementation (float32, seed 11); tolerances are those of the folder's README.
const { folder: golden, load, json } = goldenFolder('decoupled-rcnn');


function goldenConfig(regressors: number): TrainConfig {
  const { main } = json('config.json');
  return trainConfigSchema.parse({
    imageSizeHw: [128, 160],
    model: {
      backbone: { blocks: main.layers, width: main.width },
      fpn: { channels: main.fpn },
      head: { fcChannels: main.fc, samplingRatio: 2 },
      regressors,
    },
    proposals: {
      trainPreNms: main.pre_train,
      trainPostNms: main.post_train,
      testPreNms: main.pre_test,
      testPostNms: main.post_test,
    },
    sampling: { rpnPerImage: main.rpn_num, roisPerImage: main.N },
    test: { scoreThreshold: main.score_thr, nmsIou: main.nms, maxDetections: main.max_det },
  });
}

describe.each(trainingEngines)('the golden tiny detector on %s', (engine) => {
  let model: DetectorModel;
  let images: tf.Tensor4D;

  beforeAll(async () => {
    await loadEngine(engine);
    model = createDetectorModel(goldenConfig(3), ['a', 'b', 'c', 'd', 'e', 'f']);
    importWeights(model.parameters, new Map([...load('trunk.safetensors'), ...load('main/heads.safetensors')]), golden);
    const stored = load('inputs.safetensors').get('images')!;
    const [b, c, h, w] = stored.shape as [number, number, number, number];
    images = tf.tidy(() => tf.transpose(tf.tensor4d(stored.data as Float32Array, [b, c, h, w]), [0, 2, 3, 1]));
  });

  it('computes the pyramid and the RPN outputs of the reference', () => {
    const expected = load('main/trunk-activations.safetensors');
    tf.tidy(() => {
      const trunk = runTrunk(model, images, inferenceContext);
      trunk.pyramid.forEach((p, level) => {
        const nchw = tf.transpose(p, [0, 3, 1, 2]).dataSync();
        const { error, scale } = maxError(nchw, expected.get(`P${level + 2}`)!.data as Float32Array);
        expect(error, `P${level + 2}`).toBeLessThan(1e-4 * scale);
      });
      let at = 0;
      for (let level = 0; level < 5; level++) {
        const logits = expected.get(`rpn.logits${level}`)!;
        const count = logits.shape[1]!;
        const ours = tf.slice(trunk.logits, [0, at], [2, count]).dataSync();
        const ourDeltas = tf.slice(trunk.deltas, [0, at, 0], [2, count, 4]).dataSync();
        const forLogits = maxError(ours, logits.data as Float32Array);
        expect(forLogits.error, `logits ${level}`).toBeLessThan(1e-4 * forLogits.scale);
        const forDeltas = maxError(ourDeltas, expected.get(`rpn.deltas${level}`)!.data as Float32Array);
        expect(forDeltas.error, `deltas ${level}`).toBeLessThan(1e-4 * Math.max(1, forDeltas.scale));
        at += count;
      }
    });
  });

  it('keeps the proposals of the reference at both NMS thresholds', () => {
    const expected = load('main/train.safetensors');
    const activations = load('main/trunk-activations.safetensors');
    const { proposals, imageSizeHw } = model.config;
    for (const b of [0, 1]) {
      const joined = (name: string, width: number) =>
        Float32Array.from(
          [0, 1, 2, 3, 4].flatMap((level) => {
            const { data, shape } = activations.get(`rpn.${name}${level}`)!;
            const count = shape[1]! * width;
            return [...(data as Float32Array).subarray(b * count, (b + 1) * count)];
          }),
        );
      const anchors = modelAnchors(model.config);
      const candidates = selectCandidates(
        joined('logits', 1),
        joined('deltas', 4),
        anchors,
        proposals.trainPreNms,
        imageSizeHw,
      );
      const thresholds = { Pc: proposals.nmsClassification, Pr: proposals.nmsRegression };
      for (const [name, threshold] of Object.entries(thresholds)) {
        const { boxesXyxy } = suppressCandidates(candidates, threshold, proposals.trainPostNms);
        const stored = expected.get(`${name}.boxes${b}`)!.data as Float32Array;
        expect(maxError(boxesXyxy, stored).error, `${name} of image ${b}`).toBeLessThan(1e-2);
      }
    }
  });

  it('finds the detections of the reference (n = 3, two samples per bin)', () => {
    const expected = json('main/detections.json')['n3-sampling2'];
    for (const b of [0, 1]) {
      const input = tf.slice(images, [b, 0, 0, 0], [1, -1, -1, -1]) as tf.Tensor4D;
      const found = detectOnInput(model, input, model.config.imageSizeHw, model.config.test.scoreThreshold);
      expect(found.map((d) => d.classId)).toEqual(expected[b].labels);
      found.forEach((d, i) => {
        expect(Math.abs(d.score - expected[b].scores[i])).toBeLessThan(1e-4);
        expect(maxError(d.boxXyxy, expected[b].boxes[i]).error).toBeLessThan(1e-2);
      });
      input.dispose();
    }
  });

  it('computes the RPN losses of the reference and comes close to its head losses, which pool adaptively', () => {
    const { terms } = json('main/losses.json')['eq8-n3'];
    const inputs = load('inputs.safetensors');
    const gt = [0, 1].map((b) => ({
      boxesXyxy: inputs.get(`gt_boxes_${b}`)!.data as Float32Array,
      labels: inputs.get(`gt_labels_${b}`)!.data as Int32Array,
    }));
    tf.tidy(() => {
      const trunk = runTrunk(model, images, inferenceContext);
      const ours = trainingLosses(
        model,
        trunk,
        modelAnchors(model.config),
        gt,
        takeFirst,
        inferenceContext,
      ).terms;
      const value = (name: string) => ours[name]!.dataSync()[0]!;
      expect(Math.abs(value('rpn.objectness') / terms.rpn_cls - 1)).toBeLessThan(1e-4);
      expect(Math.abs(value('rpn.box') / terms.rpn_box - 1)).toBeLessThan(1e-4);
      expect(Math.abs(value('cls') / terms.cls1 - 1)).toBeLessThan(0.02);
      for (const k of [1, 2, 3])
        expect(Math.abs(value(`reg.${k}`) / terms[`reg${k}`] - 1), `reg.${k}`).toBeLessThan(0.05);
    });
  });
});
