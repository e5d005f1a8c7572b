import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBoxes, encodeBoxes, maxLogScale, rpnStds, stageStds } from './box-coder.js';

// Ratios stay below the clamp at 62.5.
const size = fc.double({ min: 4, max: 200, noNaN: true });
const place = fc.double({ min: 0, max: 300, noNaN: true });
const box = fc.tuple(place, place, size, size).map(([x, y, w, h]) => Float32Array.of(x, y, x + w, y + h));

describe('box coder', () => {
  it('decodes what it encoded back to the ground truth', () => {
    fc.assert(
      fc.property(box, box, fc.constantFrom(...stageStds), (prior, gt, stds) => {
        const back = decodeBoxes(prior, encodeBoxes(prior, gt, stds), stds, [1000, 1000]);
        back.forEach((value, k) => expect(Math.abs(value - gt[k]!)).toBeLessThan(2e-3));
      }),
    );
  });

  it('clamps dw at ln(1000/16)', () => {
    const out = decodeBoxes(Float32Array.of(500, 500, 501, 501), Float32Array.of(0, 0, 100, 0), rpnStds, [1000, 1000]);
    expect(out[2]! - out[0]!).toBeCloseTo(Math.exp(maxLogScale), 3);
  });

  it('clamps dw from below too, or not, as asked', () => {
    const [prior, deltas] = [Float32Array.of(400, 400, 600, 600), Float32Array.of(0, 0, -5, -5)];
    const both = decodeBoxes(prior, deltas, rpnStds, [1000, 1000]);
    expect(both[2]! - both[0]!).toBeCloseTo(200 * (16 / 1000), 3);
    const above = decodeBoxes(prior, deltas, rpnStds, [1000, 1000], { clamp: 'above' });
    expect(above[3]! - above[1]!).toBeCloseTo(200 * Math.exp(-5), 3);
    const large = decodeBoxes(Float32Array.of(500, 500, 501, 501), Float32Array.of(0, 0, 100, 0), rpnStds, [999, 999], {
      clamp: 'above',
    });
    expect(large[2]! - large[0]!).toBeCloseTo(Math.exp(maxLogScale), 3);
  });

  it('clips to the image', () => {
    const out = decodeBoxes(Float32Array.of(-5, -5, 50, 50), new Float32Array(4), rpnStds, [20, 30]);
    expect([...out]).toEqual([0, 0, 30, 20]);
  });

  it('gives one box per class for class-specific deltas', () => {
    const deltas = Float32Array.of(0, 0, 0, 0, 1, 0, 0, 0);
    const out = decodeBoxes(Float32Array.of(0, 0, 10, 10), deltas, [0.1, 0.1, 0.2, 0.2], [100, 100]);
    expect([...out]).toEqual([0, 0, 10, 10, 1, 0, 11, 10]);
  });

  it('refuses arrays that do not belong together', () => {
    const wrong = expect.objectContaining({ code: 'PLB_CORE_SHAPE_MISMATCH' });
    expect(() => encodeBoxes(new Float32Array(4), new Float32Array(8), rpnStds)).toThrowError(wrong);
    expect(() => decodeBoxes(new Float32Array(8), new Float32Array(4), rpnStds, [1, 1])).toThrowError(wrong);
  });
});
