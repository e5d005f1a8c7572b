import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../random/index.js';
import { iou } from './boxes.js';
import { nms } from './nms.js';

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

describe('nms on many boxes', () => {
  it.each([0.4, 0.5, 0.7, 0.85, 0.95])('keeps what comparing every pair keeps, at IoU %s', (threshold) => {
    const random = createRandom(3);
    for (let round = 0; round < 20; round++) {
      const boxes = new Float32Array(4 * 400);
      for (let i = 0; i < 400; i++) {
        // Clusters, strays, empty boxes and doubles.
        const [cx, cy] =
          i % 5 === 0 ? [random.int(500), random.int(500)] : [60 * (i % 7) + random.int(25), 200 + random.int(25)];
        const [w, h] = i % 50 === 49 ? [0, 10] : [10 + 60 * random.next() ** 3, 10 + 60 * random.next() ** 3];
        boxes.set([cx! - w! / 2, cy! - h! / 2, cx! + w! / 2, cy! + h! / 2], 4 * i);
        if (i % 31 === 30) boxes.copyWithin(4 * i, 4 * (i - 7), 4 * (i - 7) + 4);
      }
      const order = Array.from({ length: 400 }, (_, i) => i);
      expect(nms(boxes, order, threshold)).toEqual(everyPair(boxes, order, threshold));
    }
  });
});

/** The definition, without any shortcut. */
function everyPair(boxes: Float32Array, order: number[], threshold: number): number[] {
  const kept: number[] = [];
  for (const i of order) if (!kept.some((j) => iou(boxes, j, boxes, i) > threshold)) kept.push(i);
  return kept;
}
