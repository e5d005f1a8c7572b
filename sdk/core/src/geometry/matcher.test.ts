import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { iou } from './boxes.js';
import { background, ignored, matchPriors } from './matcher.js';

const rcnn = { positiveIou: 0.5, negativeIou: 0.5 };
const rpn = { positiveIou: 0.7, negativeIou: 0.3, lowQualityMinIou: 0.3 };
// Boxes of height 10 on one line: the IoU of widths v <= w with the same left side is v / w.
const wide = (...widths: number[]) => Float32Array.from(widths.flatMap((width) => [0, 0, width, 10]));
const matched = (...args: Parameters<typeof matchPriors>) => [...matchPriors(...args).gtIndex];

describe('matchPriors', () => {
  it('is positive from the upper threshold on, negative below the lower one, and ignores what lies between', () => {
    const thresholds = { positiveIou: 0.7, negativeIou: 0.3 };
    const { gtIndex, maxIou } = matchPriors(wide(100, 70, 69, 30, 29), wide(100), thresholds);
    expect([...gtIndex]).toEqual([0, 0, ignored, ignored, background]);
    [1, 0.7, 0.69, 0.3, 0.29].forEach((value, i) => expect(maxIou[i]).toBeCloseTo(value, 6));
  });

  it('gives the best ground truth, the first of equal ones', () => {
    expect(matched(wide(60), wide(100, 64, 64), rcnn)).toEqual([1]);
    expect(matched(wide(50, 49), wide(100, 100), rcnn)).toEqual([0, background]);
  });

  it('makes every prior that ties for the best of a ground truth positive, down to the lowest IoU', () => {
    const priors = Float32Array.from([0, 0, 50, 10, 50, 0, 100, 10, 0, 0, 45, 10]);
    expect(matched(priors, wide(100), rpn)).toEqual([0, 0, ignored]);
    expect(matched(wide(29), wide(100), rpn)).toEqual([background]);
    expect(matched(wide(50), wide(100), { positiveIou: 0.7, negativeIou: 0.3 })).toEqual([ignored]);
  });

  it('lets the low-quality match of a later ground truth overwrite an earlier match', () => {
    // The prior is perfect for the first box and still the best there is for the second.
    expect(matched(wide(100), wide(100, 40), rpn)).toEqual([1]);
  });

  it('finds negatives only without ground truth, and nothing without priors', () => {
    expect(matched(wide(10, 20), new Float32Array(), rpn)).toEqual([background, background]);
    expect(matched(new Float32Array(), wide(10), rpn)).toEqual([]);
  });

  it('assigns each positive to a ground truth that no other one beats', () => {
    const coordinate = fc.integer({ min: 0, max: 20 });
    const side = fc.integer({ min: 1, max: 12 });
    const boxes = fc
      .array(fc.tuple(coordinate, coordinate, side, side), { maxLength: 12 })
      .map((rows) => Float32Array.from(rows.flatMap(([x, y, w, h]) => [x, y, x + w, y + h])));
    fc.assert(
      fc.property(boxes, boxes, (priors, gt) => {
        const { gtIndex, maxIou } = matchPriors(priors, gt, rcnn);
        gtIndex.forEach((g, i) => {
          const overlaps = Array.from({ length: gt.length / 4 }, (_, j) => Math.fround(iou(priors, i, gt, j)));
          expect(maxIou[i]).toBe(Math.max(0, ...overlaps));
          expect(g).toBe(maxIou[i]! >= 0.5 ? overlaps.indexOf(maxIou[i]!) : background);
        });
      }),
    );
  });
});
