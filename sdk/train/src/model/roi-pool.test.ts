import { roiAlign } from '@plumbline/core/geometry';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEngine } from '../engines/index.js';
import { type PoolOptions, poolRois } from './roi-pool.js';

beforeAll(async () => void (await loadEngine('wasm')));

const options: PoolOptions = { roiSize: 3, samplingRatio: 2, aligned: true };
/** P2..P5 of a 512 x 512 input with one channel. */
const pyramid = (value: (level: number, cell: number) => number) =>
  [0, 1, 2, 3].map((level) => {
    const side = 128 >> level;
    const cells = Float32Array.from({ length: side * side }, (_, cell) => value(level, cell));
    return tf.tensor4d(cells, [1, side, side, 1]);
  });
const regions = (...boxes: number[][]) => ({
  boxesXyxy: Float32Array.from(boxes.flat()),
  batchIndex: new Int32Array(boxes.length),
});

describe('poolRois', () => {
  it('pools each region from the level of its size and keeps the order of the regions', () => {
    const levels = pyramid((level) => level);
    const boxes = [
      [0, 0, 448, 448],
      [10, 10, 60, 60],
      [0, 0, 300, 300],
      [0, 0, 112, 112],
      [5, 5, 20, 20],
    ];
    const pooled = poolRois(levels, regions(...boxes), options).arraySync();
    [3, 0, 2, 1, 0].forEach((level, row) => {
      for (const value of pooled[row]!) expect(value).toBeCloseTo(level, 5);
    });
  });

  it('enlarges a region about its centre and keeps its level', () => {
    const levels = pyramid((level, cell) => 1000 * level + Math.sin(cell));
    const at = (box: number[], scale: number) => poolRois(levels, regions(box), { ...options, scale }).dataSync();
    const enlarged = at([40, 40, 140, 140], 1.3);
    // At its new size of 130 px the region itself would be of the next level.
    expect(Math.max(...enlarged)).toBeLessThan(2);
    const map = { batch: 1, height: 128, width: 128, channels: 1 };
    const around = roiAlign(levels[0]!.dataSync() as Float32Array, map, Float32Array.of(0, 25, 25, 155, 155), {
      spatialScale: 1 / 4,
      outSize: 3,
      samplingRatio: 2,
      aligned: true,
    });
    enlarged.forEach((value, i) => {
      expect(value).toBeCloseTo(around[i]!, 5);
    });
  });

  it('follows the level rule that it is given', () => {
    const levels = pyramid((level) => level);
    const side = Math.fround(112 * (1 - 6e-7));
    const level = (levelRule: PoolOptions['levelRule']) =>
      poolRois(levels, regions([0, 0, side, side]), {
        ...options,
        ...(levelRule ? { levelRule } : {}),
      }).arraySync()[0]![4];
    expect([level(undefined), level('mmdetection'), level('torchvision')]).toEqual([0, 0, 1]);
  });

  it.each([
    { aligned: true, samplingRatio: 0 },
    { aligned: false, samplingRatio: 0 },
    { aligned: false, samplingRatio: 3 },
  ])('passes its settings on: aligned $aligned, sampling $samplingRatio', (settings) => {
    const levels = pyramid((_, cell) => Math.sin(cell));
    const box = [13, 20, 77, 61];
    const map = { batch: 1, height: 128, width: 128, channels: 1 };
    const expected = roiAlign(levels[0]!.dataSync() as Float32Array, map, Float32Array.of(0, ...box), {
      spatialScale: 1 / 4,
      outSize: 3,
      ...settings,
    });
    const found = poolRois(levels, regions(box), { ...options, ...settings });
    expect([...found.dataSync()]).toEqual([...expected]);
    expect([...poolRois(levels, regions(box), options).dataSync()]).not.toEqual([...expected]);
  });
});
