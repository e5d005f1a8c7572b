import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchedNms } from './batched-nms.js';
import { nms } from './nms.js';
import { topKIndices } from './top-k.js';

describe('batchedNms', () => {
  it('suppresses inside a group only and merges by score, ties to the lower index', () => {
    const boxes = Float32Array.of(0, 0, 10, 10, 0, 0, 10, 9, 0, 0, 10, 10, 50, 50, 60, 60);
    const scores = Float32Array.of(0.5, 0.9, 0.9, 0.5);
    expect(batchedNms(boxes, scores, [0, 0, 1, 1], 0.5)).toEqual([1, 2, 3]);
    expect(batchedNms(boxes, scores, [0, 0, 1, 1], 0.5, 2)).toEqual([1, 2]);
    expect(batchedNms(boxes, scores, [7, 7, 7, 7], 0.5)).toEqual([1, 3]);
    expect(batchedNms(new Float32Array(), new Float32Array(), [], 0.5)).toEqual([]);
  });

  it('keeps what one suppression over boxes that are shifted apart by group keeps', () => {
    const coordinate = fc.integer({ min: 0, max: 20 });
    const side = fc.integer({ min: 1, max: 12 });
    const row = fc.tuple(
      coordinate,
      coordinate,
      side,
      side,
      fc.integer({ min: 0, max: 9 }),
      fc.integer({ min: 0, max: 2 }),
    );
    fc.assert(
      fc.property(fc.array(row, { maxLength: 25 }), (rows) => {
        const boxes = (shift: number) =>
          Float32Array.from(rows.flatMap(([x, y, w, h, , g]) => [x + g * shift, y, x + w + g * shift, y + h]));
        const scores = Float32Array.from(rows, (entry) => entry[4]);
        const groups = rows.map((entry) => entry[5]);
        const order = topKIndices(scores, scores.length);
        expect(batchedNms(boxes(0), scores, groups, 0.5)).toEqual(nms(boxes(1024), order, 0.5));
      }),
    );
  });
});
