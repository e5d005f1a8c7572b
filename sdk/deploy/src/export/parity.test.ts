import type { Detection } from '@plumbline/core/geometry';
import { describe, expect, it } from 'vitest';
import { compareDetections } from './parity.js';

const detection = (x: number, score: number, classId = 0): Detection => ({
  classId,
  className: `c${classId}`,
  score,
  boxXyxy: [x, 0, x + 10, 10],
});

describe('compareDetections', () => {
  it('pairs the nearest boxes of one class whatever their order and reports the largest differences', () => {
    const reference = [[detection(0, 0.9), detection(50, 0.8)], [detection(5, 0.7)]];
    const actual = [[detection(50.25, 0.8), detection(0, 0.85)], [detection(5, 0.7)]];
    expect(compareDetections(reference, actual, 0.05)).toEqual({
      images: 2,
      detections: 3,
      maxBoxErrorPx: 0.25,
      maxScoreError: expect.closeTo(0.05, 9),
      unmatched: 0,
    });
  });

  it('takes boxes of other objects for no partners, however few there are', () => {
    const found = compareDetections([[detection(0, 0.9)]], [[detection(6, 0.9)]], 0.05);
    expect(found).toMatchObject({ detections: 0, unmatched: 2, maxBoxErrorPx: 0 });
  });

  it('counts what only one side has, except at the score threshold', () => {
    const reference = [[detection(0, 0.9, 1), detection(20, 0.0505)]];
    const actual = [[detection(0, 0.9, 2)]];
    expect(compareDetections(reference, actual, 0.05)).toMatchObject({ detections: 0, unmatched: 2 });
  });
});
