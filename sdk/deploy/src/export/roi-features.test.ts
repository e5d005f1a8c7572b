import { pyramidStrides, roiAlign, roiLevel } from '@plumbline/core/geometry';
import { createRandom } from '@plumbline/core/random';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from './graph-builder.js';
import { buildRoiFeatures } from './roi-features.js';

const channels = 3;
const sizesHw = [
  [40, 48],
  [20, 24],
  [10, 12],
  [5, 6],
] as const;
// One or more of each level (P2: up to 112 px), narrow and wide ones, partly outside, empty and inverted ones.
const boxes = [
  [3.5, 10.25, 40.75, 61],
  [100, 100, 190, 155],
  [-30, -12, 20, 15],
  [20.5, 30.25, 21, 31.75],
  [10, 5, 150, 130],
  [2, 80, 190, 158],
  [-60, -50, 200, 210],
  [-200, -180, 330, 300],
  [150, 130, 260, 240],
  [44, 44, 44, 44],
  [90, 90, 60, 50],
];

describe('buildRoiFeatures', () => {
  it.each([
    { aligned: true, samplingRatio: 2, isStatic: true },
    { aligned: false, samplingRatio: 2, isStatic: true },
    { aligned: true, samplingRatio: 2 },
    { aligned: true, samplingRatio: 0 },
    { aligned: false, samplingRatio: 2 },
    { aligned: false, samplingRatio: 0 },
  ])(
    'pools in ONNX Runtime as core does: $aligned, $samplingRatio samples a bin, static shapes $isStatic',
    async (settings) => {
      const random = createRandom(5);
      const maps = sizesHw.map(([h, w]) => Float32Array.from({ length: channels * h * w }, () => random.normal()));
      const b = new GraphBuilder('pool', 17);
      const inputs = sizesHw.map(([h, w], k) => b.input(`p${k + 2}`, 'float', [1, channels, h, w]));
      const rois = b.input('boxes', 'float', [boxes.length, 4]);
      const image = b.ints(new Array<number>(boxes.length).fill(0));
      const features = buildRoiFeatures(
        b,
        'pool',
        inputs,
        { boxes: rois, image },
        { channels, roiSize: 7, ...settings },
      );
      b.output('rows', features.rows, 'float', ['r', channels * 49]);
      if (features.roiOfRow) b.output('roiOfRow', features.roiOfRow, 'int64', ['r', 1]);
      expect(features.roiOfRow === undefined).toBe(settings.isStatic === true);
      const session = await InferenceSession.create(b.finish('0', {}), { intraOpNumThreads: 1 });
      const feeds: Record<string, Tensor> = { boxes: new Tensor('float32', boxes.flat(), [boxes.length, 4]) };
      for (const [k, [h, w]] of sizesHw.entries())
        feeds[`p${k + 2}`] = new Tensor('float32', maps[k]!, [1, channels, h, w]);
      const found = await session.run(feeds);
      await session.release();

      const rows = found.rows!.data as Float32Array;
      const order = found.roiOfRow?.data as BigInt64Array | undefined;
      const roiOfRow = order ? Array.from(order, Number) : [...boxes.keys()];
      expect([...roiOfRow].sort((a, b) => a - b)).toEqual([...boxes.keys()]);
      const levels = new Set<number>();
      for (const [row, roi] of roiOfRow.entries()) {
        const [x1, y1, x2, y2] = boxes[roi] as [number, number, number, number];
        const level = roiLevel(x1, y1, x2, y2);
        levels.add(level);
        const [height, width] = sizesHw[level]!;
        const expected = roiAlign(
          channelsLast(maps[level]!, height * width),
          { batch: 1, height, width, channels },
          Float32Array.of(0, x1, y1, x2, y2),
          { spatialScale: 1 / pyramidStrides[level]!, outSize: 7, ...settings },
        );
        // ONNX has the channels first.
        for (const [i, value] of expected.entries()) {
          const at = row * channels * 49 + (i % channels) * 49 + Math.floor(i / channels);
          expect(Math.abs(rows[at]! - value), `roi ${roi}, value ${i}`).toBeLessThan(1e-5);
        }
      }
      expect(levels.size).toBe(4);
    },
  );
});

function channelsLast(map: Float32Array, cells: number): Float32Array {
  return map.map((_, i) => map[(i % channels) * cells + Math.floor(i / channels)]!);
}
