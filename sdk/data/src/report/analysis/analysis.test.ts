import type { CocoDetections, CocoGroundTruth } from '@plumbline/data/eval';
import {
  bestF1,
  calibrate,
  confusionMatrix,
  localisationHistogram,
  matchBoxes,
  operatingPoints,
  recallBySize,
  thresholdGrid,
  wilsonInterval,
  worstFalseCalls,
  worstMisses,
} from '@plumbline/data/report';
import { describe, expect, it } from 'vitest';

type Box = [x: number, y: number, width: number, height: number];

function truth(
  images: number,
  rows: { image?: number; category?: number; box: Box; crowd?: 0 | 1 }[],
): CocoGroundTruth {
  return {
    imageIds: Float64Array.from({ length: images }, (_, i) => i + 1),
    categories: ['a', 'b'].map((name, i) => ({ id: i + 1, name })),
    imageIndex: Int32Array.from(rows, ({ image = 0 }) => image),
    categoryIndex: Int32Array.from(rows, ({ category = 0 }) => category),
    boxesXywh: Float64Array.from(rows.flatMap(({ box }) => box)),
    areas: Float64Array.from(rows, ({ box }) => box[2] * box[3]),
    isCrowd: Uint8Array.from(rows, ({ crowd = 0 }) => crowd),
  };
}

function calls(rows: { score: number; image?: number; category?: number; box: Box }[]): CocoDetections {
  return {
    imageIndex: Int32Array.from(rows, ({ image = 0 }) => image),
    categoryIndex: Int32Array.from(rows, ({ category = 0 }) => category),
    boxesXywh: Float64Array.from(rows.flatMap(({ box }) => box)),
    scores: Float64Array.from(rows, ({ score }) => score),
  };
}

const square: Box = [0, 0, 10, 10];

describe('matchBoxes', () => {
  it('gives the ground truth to the better score, whatever the order in the file', () => {
    const gt = truth(1, [{ box: square }]);
    const dt = calls([
      { score: 0.4, box: square },
      { score: 0.6, box: [0, 0, 10, 8] },
    ]);
    const { gtOfDetection, iouOfDetection, detectionOfGt } = matchBoxes(gt, dt, 0.5);
    expect([...gtOfDetection]).toEqual([-1, 0]);
    expect([...iouOfDetection]).toEqual([0, 0.8]);
    expect([...detectionOfGt]).toEqual([1]);
  });

  it('matches at exactly the threshold and not below it', () => {
    const gt = truth(1, [{ box: square }]);
    expect([...matchBoxes(gt, calls([{ score: 1, box: [0, 0, 10, 5] }]), 0.5).gtOfDetection]).toEqual([0]);
    expect([...matchBoxes(gt, calls([{ score: 1, box: [0, 0, 10, 4.9] }]), 0.5).gtOfDetection]).toEqual([-1]);
  });

  it('leaves out what lies in a crowd, and every detection after the hundredth', () => {
    const gt = truth(1, [{ box: [0, 0, 100, 100], crowd: 1 }]);
    const inside = matchBoxes(gt, calls([{ score: 1, box: square }]), 0.5);
    expect([[...inside.gtOfDetection], [...inside.detectionOfGt]]).toEqual([[-2], [-2]]);
    const many = Array.from({ length: 102 }, (_, i) => ({ score: 1 - i / 200, box: [200, 0, 5, 5] as Box }));
    const { gtOfDetection } = matchBoxes(gt, calls(many), 0.5);
    expect([...gtOfDetection.subarray(98)]).toEqual([-1, -1, -2, -2]);
  });
});

describe('confusionMatrix', () => {
  it('counts a box of another class once, in the cell of both classes', () => {
    const gt = truth(1, [{ box: square }, { box: [50, 50, 10, 10], category: 1 }]);
    const dt = calls([
      { score: 0.9, category: 1, box: square },
      { score: 0.8, category: 1, box: square },
      { score: 0.3, category: 1, box: [50, 50, 10, 10] },
    ]);
    const matches = matchBoxes(gt, dt, 0.5);
    // a called b; the second call finds nothing left; b is missed because its call stays below the threshold.
    expect([...confusionMatrix(gt, dt, matches, 0.5).counts]).toEqual([0, 1, 0, 0, 0, 1, 0, 1, 0]);
    expect([...confusionMatrix(gt, dt, matches, 0.2).counts]).toEqual([0, 1, 0, 0, 1, 0, 0, 1, 0]);
  });
});

describe('calibrate', () => {
  it('weighs the gap of each bin by its detections', () => {
    const gt = truth(1, [{ box: square }]);
    const dt = calls([
      { score: 0.75, box: square },
      { score: 0.75, box: [50, 0, 5, 5] },
      { score: 0.25, box: [80, 0, 5, 5] },
      { score: 1, box: [90, 0, 5, 5] },
    ]);
    const { bins, expectedCalibrationError } = calibrate(dt, matchBoxes(gt, dt, 0.5));
    expect(bins[7]).toMatchObject({ count: 2, meanScore: 0.75, precision: 0.5 });
    expect(bins[9]).toMatchObject({ count: 1, meanScore: 1, precision: 0 });
    expect(expectedCalibrationError).toBeCloseTo((2 * 0.25 + 0.25 + 1) / 4, 12);
  });
});

describe('operatingPoints', () => {
  it('puts a threshold that is not on the grid in its place', () => {
    expect(thresholdGrid(0.5)).toHaveLength(19);
    expect(thresholdGrid(0.12).slice(0, 4)).toEqual([0.05, 0.1, 0.12, 0.15]);
  });

  it('finds the threshold of the best F1, the lower of equals', () => {
    const gt = truth(2, [{ box: square }, { image: 1, box: square }]);
    const dt = calls([
      { score: 0.9, box: square },
      { score: 0.7, image: 1, box: square },
      { score: 0.3, box: [50, 50, 5, 5] },
    ]);
    const operating = operatingPoints(gt, dt, matchBoxes(gt, dt, 0.5), thresholdGrid(0.5));
    const best = bestF1(operating)!;
    expect([best.point.scoreThreshold, best.f1]).toEqual([0.35, 1]);
    expect(operating.points.find(({ scoreThreshold }) => scoreThreshold === 0.3)).toMatchObject({ falseCalls: 1 });
  });
});

describe('wilsonInterval', () => {
  it('agrees with the published values for 5 and 0 of 10', () => {
    const half = wilsonInterval(5, 10)!;
    expect([half.low, half.high].map((value) => value.toFixed(4))).toEqual(['0.2366', '0.7634']);
    const none = wilsonInterval(0, 10)!;
    expect([none.low.toFixed(4), none.high.toFixed(4)]).toEqual(['0.0000', '0.2775']);
    expect(wilsonInterval(0, 0)).toBeNull();
  });
});

describe('recallBySize', () => {
  it('puts a side on a limit into the range above and drops empty ranges at the ends', () => {
    const gt = truth(1, [{ box: [0, 0, 32, 32] }, { box: [100, 0, 31, 31] }, { box: [200, 0, 70, 70] }]);
    const dt = calls([{ score: 0.9, box: [0, 0, 32, 32] }]);
    const rows = recallBySize(gt, dt, matchBoxes(gt, dt, 0.5), 0.5);
    expect(rows.map(({ lowPx, count, found }) => [lowPx, count, found])).toEqual([
      [24, 1, 0],
      [32, 1, 1],
      [48, 0, 0],
      [64, 1, 0],
    ]);
  });
});

describe('localisationHistogram', () => {
  it('counts a fit of exactly 0.8 from 0.80 on and takes the middle of two for the median', () => {
    const gt = truth(1, [{ box: square }, { box: [50, 0, 10, 10] }]);
    const dt = calls([
      { score: 0.9, box: [0, 0, 10, 8] },
      { score: 0.8, box: [50, 0, 10, 6] },
    ]);
    const { bins, medianIou } = localisationHistogram(dt, matchBoxes(gt, dt, 0.5), 0.5);
    expect(bins.filter(({ count }) => count > 0).map(({ low }) => low)).toEqual([0.6, 0.8]);
    expect(medianIou).toBeCloseTo(0.7, 12);
  });
});

describe('the worst cases', () => {
  const gt = truth(1, [{ box: [0, 0, 50, 50] }, { box: [100, 0, 10, 10] }, { box: [200, 0, 20, 20] }]);
  const dt = calls([
    { score: 0.7, box: [100, 0, 10, 4] },
    { score: 0.9, category: 1, box: [300, 0, 9, 9] },
    { score: 0.2, box: [200, 0, 20, 20] },
  ]);
  const matches = matchBoxes(gt, dt, 0.5);

  it('begin with the largest miss and the one that a call came closest to', () => {
    const misses = worstMisses(gt, dt, matches, 0.5, 3);
    expect(misses.map(({ gt: row, nearest, nearestIou }) => [row, nearest, nearestIou])).toEqual([
      [0, null, 0],
      [2, 2, 1],
      [1, 0, 0.4],
    ]);
    expect(worstMisses(gt, dt, matches, 0.5, 2)).toHaveLength(2);
  });

  it('list false calls by score and leave out those below the threshold', () => {
    const list = worstFalseCalls(gt, dt, matches, 0.5, 9);
    expect(list.map(({ detection, nearest }) => [detection, nearest])).toEqual([
      [1, null],
      [0, 1],
    ]);
  });
});
