import { describe, expect, it } from 'vitest';
import { softNmsLinear } from './soft-nms.js';

describe('softNmsLinear', () => {
  // IoU of boxes 0 and 1 is exactly 0.5; box 2 lies apart.
  const boxes = Float32Array.of(0, 0, 10, 10, 0, 0, 10, 5, 40, 40, 50, 50);
  const scores = Float32Array.of(0.75, 0.5, 0.375);

  it('multiplies the score of a box that overlaps by at least the threshold, and sorts anew', () => {
    const { indices, scores: found } = softNmsLinear(boxes, scores, { iouThreshold: 0.5, minScore: 0.001 });
    expect(indices).toEqual([0, 2, 1]);
    expect([...found]).toEqual([0.75, 0.375, 0.25]);
    expect([...scores]).toEqual([0.75, 0.5, 0.375]);
  });

  it('leaves boxes alone that overlap by less than the threshold', () => {
    const { indices, scores: found } = softNmsLinear(boxes, scores, { iouThreshold: 0.51, minScore: 0.001 });
    expect([indices, [...found]]).toEqual([
      [0, 1, 2],
      [0.75, 0.5, 0.375],
    ]);
  });

  it('drops a box below the lowest score, but never the best one', () => {
    expect(softNmsLinear(boxes, scores, { iouThreshold: 0.5, minScore: 0.3 }).indices).toEqual([0, 2]);
    expect(softNmsLinear(boxes, scores, { iouThreshold: 0.5, minScore: 0.25 }).indices).toEqual([0, 2, 1]);
    expect(softNmsLinear(boxes, scores, { iouThreshold: 0.5, minScore: 0.9 }).indices).toEqual([0]);
    expect(softNmsLinear(new Float32Array(), new Float32Array(), { iouThreshold: 0.5, minScore: 0 }).indices).toEqual(
      [],
    );
  });

  it('takes the lower index first when scores are equal', () => {
    const same = Float32Array.of(0.5, 0.5, 0.5);
    expect(softNmsLinear(boxes, same, { iouThreshold: 0.9, minScore: 0 }).indices).toEqual([0, 1, 2]);
  });
});
