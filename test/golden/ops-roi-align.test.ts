import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type MapShape, pyramidStrides, roiAlign, roiAlignGradient, roiLevel } from '@plumbline/core/geometry';
import { loadEngine, roiAlign as roiAlignOfTensors } from '@plumbline/train/engines';
import { poolRois } from '@plumbline/train/model';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { trainingEngines } from '../fixtures/training-engines.js';

// torchvision.ops.roi_align 0.14.1, float32; tolerance 1e-5 as the folder's README says.
const golden = join(process.env.PLUMBLINE_GOLDEN ?? import.meta.dirname, 'ops', 'roi_align');
const manifest = JSON.parse(readFileSync(join(golden, 'manifest.json'), 'utf8')) as {
  calls: Call[];
  tensors: { name: string; shape: number[]; file: string }[];
};

interface Call {
  output: string;
  pooled: number;
  spatial_scale: number;
  sampling_ratio: number;
  aligned: boolean;
  grad_feat?: string;
}

function stored(name: string): { data: Float32Array; shape: number[] } {
  const { file, shape } = manifest.tensors.find((tensor) => tensor.name === name)!;
  return { data: new Float32Array(new Uint8Array(readFileSync(join(golden, file))).buffer), shape };
}

/** NCHW -> NHWC. */
function channelsLast({ data, shape }: { data: Float32Array; shape: number[] }) {
  const [n, c, h, w] = shape as [number, number, number, number];
  const out = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const inner = i % (c * h * w);
    out[i - inner + (inner % (h * w)) * c + Math.floor(inner / (h * w))] = data[i]!;
  }
  return { data: out, shape: [n, h, w, c] };
}

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string, tolerance = 1e-5): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    if (!(Math.abs(actual[i]! - expected[i]!) <= tolerance)) {
      expect.fail(`${what} [${i}] is ${actual[i]}, expected ${expected[i]}`);
    }
  }
}

const optionsOf = (call: Call) => ({
  spatialScale: call.spatial_scale,
  outSize: call.pooled,
  samplingRatio: call.sampling_ratio,
  aligned: call.aligned,
});
const features = channelsLast(stored('feat'));
const rois = stored('rois');
const dy = channelsLast(stored('grad_out'));

describe('roiAlign on typed arrays repeats torchvision', () => {
  const [batch, height, width, channels] = features.shape as [number, number, number, number];
  const shape: MapShape = { batch, height, width, channels };

  it.each(manifest.calls)('$output', (call) => {
    const out = roiAlign(features.data, shape, rois.data, optionsOf(call));
    expectClose(out, channelsLast(stored(call.output)).data, 'value');
    if (call.grad_feat === undefined) return;
    const gradient = roiAlignGradient(dy.data, shape, rois.data, optionsOf(call));
    expectClose(gradient, channelsLast(stored(call.grad_feat)).data, 'gradient');
  });

  it.each([0, 2])('over four levels with sampling %i', (samplingRatio) => {
    const boxes = stored('ml_rois').data;
    const expected = stored(`ml_out_sr${samplingRatio}`);
    const levels = new Int32Array(stored('ml_levels').data.buffer);
    const size = expected.data.length / levels.length;
    levels.forEach((level, i) => {
      const box = boxes.subarray(4 * i, 4 * i + 4);
      expect(roiLevel(box[0]!, box[1]!, box[2]!, box[3]!)).toBe(level);
      const map = channelsLast(stored(`level${level}`));
      const [batch, height, width, channels] = map.shape as [number, number, number, number];
      const options = { spatialScale: 1 / pyramidStrides[level]!, outSize: 7, samplingRatio, aligned: true };
      const out = roiAlign(map.data, { batch, height, width, channels }, Float32Array.of(0, ...box), options);
      const one = { data: expected.data.slice(i * size, (i + 1) * size), shape: [1, ...expected.shape.slice(1)] };
      expectClose(out, channelsLast(one).data, `roi ${i}`);
    });
  });
});

describe.each(trainingEngines)('roiAlign on %s repeats torchvision', (engine) => {
  beforeAll(async () => {
    await loadEngine(engine);
  });

  const tensor4d = ({ data, shape }: { data: Float32Array; shape: number[] }) =>
    tf.tensor4d(Float32Array.from(data), shape as [number, number, number, number]);

  it.each(manifest.calls)('$output', (call) => {
    tf.tidy(() => {
      const align = (x: tf.Tensor) => roiAlignOfTensors(x as tf.Tensor4D, rois.data, optionsOf(call));
      const expected = channelsLast(stored(call.output)).data;
      if (call.grad_feat === undefined) {
        expectClose(align(tensor4d(features)).dataSync(), expected, 'value');
        return;
      }
      const { value, grad } = tf.valueAndGrad(align)(tensor4d(features), tensor4d(dy));
      expectClose(value.dataSync(), expected, 'value');
      expectClose(grad.dataSync(), channelsLast(stored(call.grad_feat)).data, 'gradient');
    });
  });

  it.each([0, 2])('over four levels with sampling %i, rows in the order of the rois', (samplingRatio) => {
    tf.tidy(() => {
      const pyramid = [0, 1, 2, 3].map((level) => tensor4d(channelsLast(stored(`level${level}`))));
      const boxesXyxy = stored('ml_rois').data;
      const regions = { boxesXyxy, batchIndex: new Int32Array(boxesXyxy.length / 4) };
      const pooled = poolRois(pyramid, regions, { roiSize: 7, samplingRatio, aligned: true });
      const expected = channelsLast(stored(`ml_out_sr${samplingRatio}`)).data;
      // CropAndResize rounds positions beyond cell 64 to 7.6e-6 of a cell: on this map of 80 cells 13 of 8,820 values
      // are off by 1.0e-5 to 1.5e-5.
      expectClose(pooled.dataSync(), expected, 'value', engine === 'tensorflow' ? 1.5e-5 : 1e-5);
    });
  });
});
