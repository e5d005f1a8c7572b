import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { iou } from './boxes.js';
import { nms, topKIndices } from './nms.js';

describe('nms', () => {
  it('keeps a box whose IoU is exactly the threshold', () => {
    const boxes = Float32Array.of(0, 0, 2, 2, 0, 0, 2, 1);
    expect(nms(boxes, [0, 1], 0.5)).toEqual([0, 1]);
    expect(nms(boxes, [0, 1], 0.499)).toEqual([0]);
  });

  it('stops at maxKeep', () => {
    expect(nms(Float32Array.of(0, 0, 1, 1, 5, 5, 6, 6, 9, 9, 10, 10), [2, 0, 1], 0.5, 2)).toEqual([2, 0]);
  });

  it('leaves no two kept boxes above the threshold and drops only boxes that a better kept one covers', () => {
    const coordinate = fc.integer({ min: 0, max: 30 });
    const side = fc.integer({ min: 1, max: 15 });
    const boxes = fc.array(fc.tuple(coordinate, coordinate, side, side), { maxLength: 25 });
    fc.assert(
      fc.property(boxes, (list) => {
        const flat = Float32Array.from(list.flatMap(([x, y, w, h]) => [x, y, x + w, y + h]));
        const order = list.map((_, i) => i);
        const kept = nms(flat, order, 0.5);
        for (const a of kept) for (const b of kept) if (a < b) expect(iou(flat, a, flat, b)).toBeLessThanOrEqual(0.5);
        for (const i of order) {
          if (!kept.includes(i)) expect(kept.some((k) => k < i && iou(flat, k, flat, i) > 0.5)).toBe(true);
        }
      }),
    );
  });
});

describe('topKIndices', () => {
  it('sorts by score with ties to the lower index', () => {
    expect([...topKIndices(Float32Array.of(1, 3, 3, 2), 3)]).toEqual([1, 2, 3]);
  });

  it('equals a full sort cut to k', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 })), fc.integer({ min: 1, max: 40 }), (values, k) => {
        const all = values.map((_, i) => i).sort((a, b) => values[b]! - values[a]! || a - b);
        expect([...topKIndices(Float32Array.from(values), k)]).toEqual(all.slice(0, k));
      }),
    );
  });
});
