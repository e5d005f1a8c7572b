import { describe, expect, it } from 'vitest';
import { iou, iouMatrix } from './boxes.js';

const box = (...corners: number[]) => Float32Array.from(corners);
const between = (a: Float32Array, b: Float32Array) => [iou(a, 0, b, 0), iou(b, 0, a, 0)];

describe('iou', () => {
  it('counts areas without adding a pixel, in both orders alike', () => {
    expect(between(box(0, 0, 2, 2), box(1, 1, 3, 3))).toEqual([1 / 7, 1 / 7]);
    expect(between(box(0, 0, 4, 4), box(1, 1, 2, 3))).toEqual([1 / 8, 1 / 8]);
    expect(between(box(0, 0, 5, 4), box(0, 0, 5, 4))).toEqual([1, 1]);
  });

  it('is 0 for boxes that touch in a side or a corner only', () => {
    expect(between(box(0, 0, 2, 2), box(2, 0, 4, 2))).toEqual([0, 0]);
    expect(between(box(0, 0, 2, 2), box(2, 2, 4, 4))).toEqual([0, 0]);
  });

  it('is 0, never NaN, when a box is empty: both, one inside the other, or inverted', () => {
    expect(between(box(5, 5, 5, 5), box(5, 5, 5, 5))).toEqual([0, 0]);
    expect(between(box(5, 5, 5, 9), box(0, 0, 10, 10))).toEqual([0, 0]);
    expect(between(box(8, 8, 2, 2), box(0, 0, 10, 10))).toEqual([0, 0]);
    expect(between(box(8, 8, 2, 2), box(8, 8, 2, 2))).toEqual([0, 0]);
  });

  it('stays finite for boxes of a size whose area exceeds float32', () => {
    expect(between(box(0, 0, 1e20, 1e20), box(0, 0, 1e20, 5e19))[0]).toBeCloseTo(0.5, 6);
  });
});

describe('iouMatrix', () => {
  it('has one row per box of the first list, also when a list is empty', () => {
    const a = box(0, 0, 2, 2, 10, 10, 12, 12);
    const b = box(0, 0, 2, 1, 10, 10, 12, 12, 50, 50, 51, 51);
    expect([...iouMatrix(a, b)]).toEqual([0.5, 0, 0, 0, 1, 0]);
    expect([iouMatrix(a, new Float32Array()).length, iouMatrix(new Float32Array(), b).length]).toEqual([0, 0]);
  });
});
