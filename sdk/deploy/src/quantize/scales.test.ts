import { roundHalfEven } from '@plumbline/core/geometry';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitBias, integerLimits, quantizeBias, quantizeWeight, scaleOfRange, scalesOfWeight } from './scales.js';

const uint8 = { type: 'uint8', isSymmetric: false } as const;
const int8 = { type: 'int8', isSymmetric: true } as const;

describe('scaleOfRange', () => {
  it('gives scale 1 to an activation that is always 0', () => {
    expect(scaleOfRange({ low: 0, high: 0 }, uint8)).toEqual({ scale: 1, zeroPoint: 0 });
    expect(scaleOfRange({ low: 0, high: 0 }, int8)).toEqual({ scale: 1, zeroPoint: 0 });
  });

  it('represents 0 exactly and both ends within half a step', () => {
    const number = fc.float({ noNaN: true, min: -1e6, max: 1e6 });
    fc.assert(
      fc.property(number, number, fc.constantFrom(uint8, int8), (a, b, settings) => {
        const range = { low: Math.min(a, b), high: Math.max(a, b) };
        const { scale, zeroPoint } = scaleOfRange(range, settings);
        const [lowest, highest] = integerLimits(settings);
        expect(zeroPoint).toBeGreaterThanOrEqual(lowest);
        expect(zeroPoint).toBeLessThanOrEqual(highest);
        for (const value of [range.low, range.high, 0]) {
          const integer = Math.min(Math.max(roundHalfEven(value / scale) + zeroPoint, lowest), highest);
          // An end may be cut by the rounding of the zero point: at most half a step more.
          if (scale > 1e-30) expect(Math.abs((integer - zeroPoint) * scale - value)).toBeLessThanOrEqual(scale * 1.001);
        }
      }),
    );
  });
});

describe('weights', () => {
  it('have a scale per channel along the axis of their outputs', () => {
    const values = Float32Array.of(1, -2, 3, 40, 50, -60);
    const perRow = scalesOfWeight(values, [2, 3], 0, int8);
    expect([...perRow.scale]).toEqual([Math.fround(3 / 127), Math.fround(60 / 127)]);
    expect([...quantizeWeight(values, [2, 3], 0, perRow)]).toEqual([42, -85, 127, 85, 106, -127]);
    const perColumn = scalesOfWeight(values, [2, 3], 1, int8);
    expect([...perColumn.scale]).toEqual([40, 50, 60].map((most) => Math.fround(most / 127)));
  });

  it('use 7 bits when the range is reduced', () => {
    const values = Float32Array.of(-1, 0.5, 1);
    const reduced = { ...int8, isReduced: true };
    expect([...quantizeWeight(values, [3], undefined, scalesOfWeight(values, [3], undefined, reduced))]).toEqual([
      -64, 32, 64,
    ]);
  });
});

describe('biases', () => {
  it('are int32 in steps of input scale times weight scale', () => {
    const { integers, scale } = quantizeBias(Float32Array.of(1, -2), 0.5, Float32Array.of(0.25, 0.125));
    expect([...scale]).toEqual([0.125, 0.0625]);
    expect([...integers]).toEqual([8, -32]);
  });

  it('raise the weight scale where they would overflow', () => {
    const bias = Float32Array.of(1e4, 1);
    const fitted = fitBias(Float32Array.of(1e-9, 1e-3), 1e-3, bias);
    expect(fitted[1]).toBe(Math.fround(1e-3));
    expect(fitted[0]! * 1e-3 * (2 ** 31 - 1)).toBeGreaterThan(1e4);
    const { integers } = quantizeBias(bias, 1e-3, fitted);
    expect(integers[0]! * fitted[0]! * 1e-3).toBeCloseTo(1e4, 0);
  });
});
