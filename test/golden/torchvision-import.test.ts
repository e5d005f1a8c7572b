import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TrainConfig, trainConfigSchema } from '@plumbline/contract';
import { conventions } from '@plumbline/core/geometry';
import { type ImageRgb, placeImage } from '@plumbline/core/image';
import { loadEngine } from '@plumbline/train/engines';
import {
  createDetectorModel,
  type DetectorModel,
  detectImage,
  inferenceContext,
  modelAnchors,
  poolRois,
  runClassifier,
  runRegressor,
  runTrunk,
  selectCandidates,
  suppressCandidates,
  toNetworkInput,
} from '@plumbline/train/model';
import { importModelWeights, readWeights } from '@plumbline/train/weights';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { goldenFolder } from '../fixtures/golden.js';
import { trainingEngines } from '../fixtures/training-engines.js';

// A narrow torchvision 0.14.1 Faster R-CNN and what it computes; tolerances are those of the folder's README.
const { folder: golden, load } = goldenFolder('torchvision-import');
const expected = JSON.parse(readFileSync(join(golden, 'expected.json'), 'utf8'));
const classes = ['a', 'b', 'c', 'd', 'e', 'f'];

function torchvisionConfig(): TrainConfig {
  const { arch, parameters } = expected;
  const scaled = (values: number[]) => values.map((value) => value * 255);
  return trainConfigSchema.parse({
    imageSizeHw: [160, 224],
    normalization: { mean: scaled(parameters.image_mean), std: scaled(parameters.image_std) },
    model: {
      kind: 'faster',
      conventions: 'torchvision',
      regressors: 1,
      backbone: { block: 'bottleneck', blocks: arch.layers.split(',').map(Number), width: 8 },
      fpn: { channels: arch.fpn },
      head: { fcChannels: arch.representation_size, shared: true, samplingRatio: 2, aligned: false },
    },
    proposals: { testPreNms: 1000, testPostNms: 1000, nmsClassification: 0.7 },
    test: {
      scoreThreshold: parameters.box.score_thresh,
      nmsIou: parameters.box.nms_thresh,
      resize: { shortSide: arch.min_size, longSide: arch.max_size },
    },
  });
}

function maxError(actual: ArrayLike<number>, wanted: ArrayLike<number>): { error: number; scale: number } {
  expect(actual.length).toBe(wanted.length);
  let error = 0;
  let scale = 0;
  for (let i = 0; i < wanted.length; i++) {
    error = Math.max(error, Math.abs(actual[i]! - wanted[i]!));
    scale = Math.max(scale, Math.abs(wanted[i]!));
  }
  return { error, scale };
}

describe.each(trainingEngines)('an imported torchvision detector on %s', (engine) => {
  let model: DetectorModel;

  beforeAll(async () => {
    await loadEngine(engine);
    model = createDetectorModel(torchvisionConfig(), classes);
    const source = await readWeights(join(golden, 'model.safetensors'));
    const report = importModelWeights(model.parameters, source, { layout: 'torchvision' });
    expect(report.missing).toEqual([]);
    expect(report.loaded.length + report.unused.length).toBe(expected.keys.length);
    expect(report.unused.every(({ key }) => key.endsWith('num_batches_tracked'))).toBe(true);
    expect(report.unused.length).toBeGreaterThan(0);
  });

  describe.each([0, 1])('image %i', (index) => {
    const stored = load(`image${index}.safetensors`);
    const values = (name: string) => stored.get(name)!.data as Float32Array;
    const nchw = (name: string) => {
      const [b, c, h, w] = stored.get(name)!.shape as [number, number, number, number];
      return tf.transpose(tf.tensor4d(values(name), [b, c, h, w]), [0, 2, 3, 1]) as tf.Tensor4D;
    };
    const { resized_image_size: resizedHw, detections } = expected.images[index];

    /** The stored image has fractions of grey levels; `data` as floats keeps them. */
    function sourceImage(): ImageRgb {
      const [, height, width] = stored.get('image')!.shape as [number, number, number];
      const plane = height * width;
      const data = Float32Array.from(
        { length: plane * 3 },
        (_, i) => 255 * values('image')[(i % 3) * plane + Math.floor(i / 3)]!,
      );
      return { width, height, data: data as unknown as Uint8Array };
    }

    it('resizes, normalises and pads it', () => {
      const image = sourceImage();
      const input = toNetworkInput(image, model, placeImage([image.height, image.width], resizedHw));
      const ours = tf.transpose(input, [0, 3, 1, 2]);
      const { error, scale } = maxError(ours.dataSync(), values('transformed'));
      expect(error).toBeLessThan(1e-4 * scale);
      tf.dispose([input, ours]);
    });

    it('computes features, RPN outputs and anchors from the stored input', () => {
      tf.tidy(() => {
        const trunk = runTrunk(model, nchw('transformed'), inferenceContext);
        trunk.pyramid.forEach((p, level) => {
          const name = `feat_${level === 4 ? 'pool' : level}`;
          const { error, scale } = maxError(tf.transpose(p, [0, 3, 1, 2]).dataSync(), values(name));
          expect(error, name).toBeLessThan(1e-4 * scale);
        });
        const joined = (name: string, width: number) =>
          [0, 1, 2, 3, 4].flatMap((level) => [...tf.reshape(nchw(`${name}_${level}`), [-1, width]).dataSync()]);
        const logits = maxError(trunk.logits.dataSync(), joined('rpn_objectness', 1));
        expect(logits.error).toBeLessThan(1e-4 * logits.scale);
        const deltas = maxError(trunk.deltas.dataSync(), joined('rpn_deltas', 4));
        expect(deltas.error).toBeLessThan(1e-4 * deltas.scale);
      });
      const anchors = modelAnchors(model.config, [160, 224]).flatMap((level) => [...level]);
      expect(anchors).toEqual([...values('anchors')]);
    });

    it('keeps the proposals of the stored RPN outputs', () => {
      const joined = (name: string) =>
        tf.tidy(() => Float32Array.from([0, 1, 2, 3, 4].flatMap((level) => [...nchw(`${name}_${level}`).dataSync()])));
      const anchors = modelAnchors(model.config, [160, 224]);
      const rules = conventions.torchvision;
      const candidates = selectCandidates(
        joined('rpn_objectness'),
        joined('rpn_deltas'),
        anchors,
        1000,
        resizedHw,
        rules,
      );
      const { boxesXyxy } = suppressCandidates(candidates, 0.7, 1000);
      expect(maxError(boxesXyxy, values('proposals')).error).toBeLessThan(1e-2);
    });

    it('pools, classifies and regresses the stored proposals', () => {
      tf.tidy(() => {
        const pyramid = [0, 1, 2, 3].map((level) => nchw(`feat_${level}`));
        const boxesXyxy = values('proposals');
        const rois = { boxesXyxy, batchIndex: new Int32Array(boxesXyxy.length / 4) };
        const pooled = poolRois(pyramid, rois, { ...model.config.model.head, levelRule: 'torchvision' });
        const first8 = tf.transpose(tf.reshape(tf.slice(pooled, [0, 0], [8, -1]), [8, 7, 7, 32]), [0, 3, 1, 2]);
        const forPool = maxError(first8.dataSync(), values('roi_pool_first8'));
        expect(forPool.error).toBeLessThan(1e-4 * forPool.scale);

        // torchvision's background is the first class, ours the last.
        const logits = tf.tensor2d(values('class_logits'), [1000, 7]);
        const backgroundLast = tf.concat([tf.slice(logits, [0, 1], [-1, 6]), tf.slice(logits, [0, 0], [-1, 1])], 1);
        const ours = runClassifier(pooled, model.roiHeads.classifiers[0]!);
        const forLogits = maxError(ours.dataSync(), backgroundLast.dataSync());
        expect(forLogits.error).toBeLessThan(1e-4 * forLogits.scale);

        const boxes = tf.slice(tf.tensor2d(values('box_regression'), [1000, 28]), [0, 4], [-1, 24]);
        const deltas = runRegressor(pooled, model.roiHeads.regressors[0]!, inferenceContext);
        const forDeltas = maxError(deltas.dataSync(), boxes.dataSync());
        expect(forDeltas.error).toBeLessThan(1e-4 * forDeltas.scale);
      });
    });

    it('finds the detections of torchvision in the image itself', async () => {
      const found = await detectImage(model, sourceImage());
      expect(found.map((d) => d.classId + 1)).toEqual(detections.map((d: { label: number }) => d.label));
      found.forEach((d, i) => {
        expect(Math.abs(d.score - detections[i].score)).toBeLessThan(1e-4);
        expect(maxError(d.boxXyxy, detections[i].box).error).toBeLessThan(1e-2);
      });
    });
  });
});
