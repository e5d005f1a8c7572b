import { describe, expect, it } from 'vitest';
import { gridStrideHw, levelAnchors } from './anchors.js';

describe('levelAnchors', () => {
  it('rounds the anchors of the first cell, halves to the even integer, and shifts by whole cells', () => {
    // Sides 5 and 7: half of them is 2.5 and 3.5.
    const rounded = (side: number) => [...levelAnchors([1, 2], 4, side / 4, [1], { roundedBase: true })];
    expect(rounded(5)).toEqual([-2, -2, 2, 2, 2, -2, 6, 2]);
    expect(rounded(7)).toEqual([-4, -4, 4, 4, 0, -4, 8, 4]);
    expect([...levelAnchors([1, 1], 4, 5 / 4, [1])]).toEqual([-2.5, -2.5, 2.5, 2.5]);
    expect([...levelAnchors([1, 1], 4, 8, [0.5, 2], { roundedBase: true })]).toEqual([
      -23, -11, 23, 11, -11, -23, 11, 23,
    ]);
  });

  it('takes the distance of the cells apart from the side when both are given', () => {
    // P6 of a 160 px high input has ceil(160 / 64) = 3 rows, 53 px apart by torchvision's rule.
    const strideHw = gridStrideHw([160, 224], [3, 4]);
    expect(strideHw).toEqual([53, 56]);
    const anchors = levelAnchors([3, 4], 64, 1, [1], { strideHw });
    expect([...anchors.subarray(-4)]).toEqual([3 * 56 - 32, 2 * 53 - 32, 3 * 56 + 32, 2 * 53 + 32]);
  });
});
