import { describe, expect, it } from 'vitest';
import { type RoiAlignOptions, roiAlign, roiAlignGradient, roiOnMap } from './roi-align.js';

// A map of 4 x 4 cells whose value is 10 * row + column: bilinear samples inside are exact by hand.
const ramp = Float32Array.from({ length: 16 }, (_, i) => 10 * Math.floor(i / 4) + (i % 4));
const shape = { batch: 1, height: 4, width: 4, channels: 1 };
const options: RoiAlignOptions = { spatialScale: 1, outSize: 2, samplingRatio: 1, aligned: true };

describe('roiAlign', () => {
  it('samples cell centres when aligned: the roi of the whole map gives the middles of its quarters', () => {
    // Aligned, pixel 0..4 are cells -0.5..3.5; bins of 2 cells have their middles at 0.5 and 2.5.
    expect([...roiAlign(ramp, shape, Float32Array.of(0, 0, 0, 4, 4), options)]).toEqual([5.5, 7.5, 25.5, 27.5]);
  });

  it("is half a cell farther without alignment, and the last sample takes the border's value", () => {
    const out = roiAlign(ramp, shape, Float32Array.of(0, 0, 0, 4, 4), { ...options, aligned: false });
    expect([...out]).toEqual([11, 13, 31, 33]);
  });

  it('counts a side as at least one cell without alignment only', () => {
    const point = Float32Array.of(0, 1, 1, 1, 1);
    const unaligned = roiAlign(ramp, shape, point, { ...options, aligned: false });
    expect([...unaligned]).toEqual([13.75, 14.25, 18.75, 19.25]);
    expect([...roiAlign(ramp, shape, point, options)]).toEqual([5.5, 5.5, 5.5, 5.5]);
  });

  it('counts samples more than one cell outside as 0 and those nearer as the border', () => {
    // Bins of one cell; middles at cells -1.5 and -0.5 in x, 0.5 and 1.5 in y.
    const roi = Float32Array.of(0, -1.5, 0.5, 0.5, 2.5);
    expect([...roiAlign(ramp, shape, roi, options)]).toEqual([0, 5, 0, 15]);
  });

  it('takes as many samples as a bin has cells, rounded up, when adaptive', () => {
    const adaptive = { ...options, samplingRatio: 0 };
    const samples = (x2: number, y2: number) => {
      const { samplesX, samplesY } = roiOnMap(Float32Array.of(0, 0, 0, x2, y2), 0, adaptive);
      return [samplesX, samplesY];
    };
    expect([samples(2, 4), samples(2.1, 7.9), samples(0.5, 0)]).toEqual([
      [1, 2],
      [2, 4],
      [1, 0],
    ]);
    expect(roiOnMap(Float32Array.of(0, 3, 3, 1, 1), 0, adaptive)).toMatchObject({ samplesX: 0, samplesY: 0 });
    // 2 x 2 samples a bin: the average over a ramp is the value in the middle of the bin.
    expect([...roiAlign(ramp, shape, Float32Array.of(0, 0, 0, 4, 4), adaptive)]).toEqual([5.5, 7.5, 25.5, 27.5]);
    expect([...roiAlign(ramp, shape, Float32Array.of(0, 3, 3, 1, 1), adaptive)]).toEqual([0, 0, 0, 0]);
  });

  it('reads the image that the roi names', () => {
    const two = Float32Array.from([...ramp, ...ramp.map((v) => v + 100)]);
    const out = roiAlign(two, { ...shape, batch: 2 }, Float32Array.of(1, 0, 0, 4, 4), options);
    expect([...out]).toEqual([105.5, 107.5, 125.5, 127.5]);
  });

  it('refuses arrays that do not have the size of their shape', () => {
    const wrong = expect.objectContaining({ code: 'PLB_CORE_SHAPE_MISMATCH' });
    const roi = Float32Array.of(0, 0, 0, 4, 4);
    expect(() => roiAlign(ramp, { ...shape, channels: 2 }, roi, options)).toThrowError(wrong);
    expect(() => roiAlignGradient(new Float32Array(5), shape, roi, options)).toThrowError(wrong);
  });
});

describe('roiAlignGradient', () => {
  it.each([0, 1, 3])('is the transpose of roiAlign: <dy, A x> = <A^T dy, x> (sampling %i)', (samplingRatio) => {
    const settings = { ...options, samplingRatio };
    const rois = Float32Array.of(0, 0.3, 0.2, 3.1, 2.7, 0, -1, -1, 2, 5);
    const dy = Float32Array.from({ length: 8 }, (_, i) => Math.sin(i + 1));
    const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
    const direct = dot(dy, roiAlign(ramp, shape, rois, settings));
    expect(Math.abs(direct)).toBeGreaterThan(1);
    expect(dot(roiAlignGradient(dy, shape, rois, settings), ramp)).toBeCloseTo(direct, 4);
  });
});
