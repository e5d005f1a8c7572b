import {
  analyseEvaluation,
  type EvaluationRecord,
  imageOutcomes,
  onlyFirstRight,
  operatingPoints,
  renderComparison,
} from '@plumbline/data/report';
import { describe, expect, it } from 'vitest';

/** Rows of [image, class, x, y, width, height]. */
const truths = [
  [0, 0, 10, 10, 20, 20],
  [1, 1, 50, 50, 20, 20],
  [2, 0, 10, 10, 20, 20],
  [4, 1, 30, 30, 40, 40],
];
/** The same with the score in front; one detection of each kind, the fourth image has no ground truth. */
const found = [
  [0.9, 0, 0, 10, 10, 20, 20], // right
  [0.8, 0, 0, 12, 10, 20, 20], // found already
  [0.7, 1, 0, 50, 50, 20, 20], // another class
  [0.6, 2, 0, 20, 10, 20, 20], // IoU 1/3
  [0.55, 2, 1, 20, 10, 20, 20], // IoU 1/3 and another class
  [0.65, 3, 1, 5, 5, 9, 9], // nothing there
];

function recordOf(detections = found): EvaluationRecord {
  const boxes = truths.map((row) => row.slice(2));
  return {
    modelId: 'by hand',
    dataset: 'five images',
    protocol: 'coco',
    evaluatedAt: 'today',
    scoreThreshold: 0.5,
    groundTruth: {
      imageIds: Float64Array.of(1, 2, 3, 4, 5),
      categories: [
        { id: 1, name: 'a' },
        { id: 2, name: 'b' },
      ],
      imageIndex: Int32Array.from(truths, ([image]) => image!),
      categoryIndex: Int32Array.from(truths, ([, category]) => category!),
      boxesXywh: Float64Array.from(boxes.flat()),
      areas: Float64Array.from(boxes, ([, , width, height]) => width! * height!),
      isCrowd: new Uint8Array(truths.length),
    },
    detections: {
      scores: Float64Array.from(detections, ([score]) => score!),
      imageIndex: Int32Array.from(detections, ([, image]) => image!),
      categoryIndex: Int32Array.from(detections, ([, , category]) => category!),
      boxesXywh: Float64Array.from(detections.flatMap((row) => row.slice(3))),
    },
  };
}

describe('renderComparison', () => {
  it('refuses two evaluations of different ground truth and says what differs', async () => {
    const [record, other] = [recordOf(), recordOf()];
    const fewer = { ...other.groundTruth, imageIds: other.groundTruth.imageIds.subarray(0, 4) };
    await expect(renderComparison(record, { ...other, groundTruth: fewer })).rejects.toMatchObject({
      code: 'PLB_DATA_REPORT_TRUTH_DIFFERS',
      params: { difference: '5 and 4 images, not the same ids' },
    });
    expect(await renderComparison(record, other)).toContain('Comparison of by hand with by hand');
  });
});

describe('analyseEvaluation', () => {
  const record = recordOf();
  const { tide, confusion, operating, chosen, calibration, localisation, sizes, perClass, evaluation, curves } =
    analyseEvaluation(record);

  it("sorts the errors into TIDE's types", () => {
    const counts = Object.fromEntries(Object.entries(tide.types).map(([type, { count }]) => [type, count]));
    expect(counts).toEqual({ classification: 1, localisation: 1, both: 1, duplicate: 1, background: 1, missed: 1 });
    expect(tide.falsePositives.count).toBe(5);
    expect(tide.falseNegatives.count).toBe(3);
  });

  it('says what AP each type costs', () => {
    // Class a: one of two found first, 51 of 101 recalls; class b: nothing.
    expect(tide.ap50).toBeCloseTo(51 / 101 / 2, 12);
    expect(tide.ap50).toBeCloseTo(evaluation.stats.AP50!, 12);
    // Repaired, the fourth detection of a is right: precision 2/4 at the other 50 recalls.
    expect(tide.types.localisation.dAp).toBeCloseTo((50 * 0.5) / 101 / 2, 12);
    // Repaired, class b has one of two: 0.7 stands above 0.65 and 0.55.
    expect(tide.types.classification.dAp).toBeCloseTo(51 / 101 / 2, 12);
    for (const type of ['both', 'duplicate', 'background', 'missed'] as const) expect(tide.types[type].dAp).toBe(0);
  });

  it('counts what was taken for what, with background in the last row and column', () => {
    expect(confusion.size).toBe(3);
    expect([...confusion.counts]).toEqual([1, 0, 1, 1, 0, 1, 2, 2, 0]);
  });

  it('counts misses, false calls, escapes and overkills of parts at each threshold', () => {
    expect(operating).toMatchObject({ parts: 5, notOkParts: 4, okParts: 1, defects: 4 });
    expect(chosen).toMatchObject({
      found: 1,
      missed: 3,
      falseCalls: 5,
      recall: 0.25,
      missedPer100Parts: 60,
      falseCallsPer100Parts: 100,
      escapes: 1,
      overkills: 1,
    });
    expect(chosen.precision).toBeCloseTo(1 / 6, 12);
    expect([chosen.escapeRate, chosen.overkillRate]).toEqual([0.25, 1]);
    const { groundTruth, detections } = record;
    const { matches } = analyseEvaluation(record);
    const [strict] = operatingPoints(groundTruth, detections, matches, [0.85]).points;
    expect(strict).toMatchObject({ found: 1, falseCalls: 0, escapes: 3, overkills: 0 });
  });

  it('compares scores with the share that is right', () => {
    expect(calibration.count).toBe(6);
    expect(calibration.expectedCalibrationError).toBeCloseTo((0.1 + 0.8 + 0.7 + 0.6 + 0.65 + 0.55) / 6, 12);
    const last = calibration.bins.at(-1)!;
    expect([last.count, last.precision]).toEqual([1, 1]);
    expect(calibration.bins[0]).toMatchObject({ count: 0, precision: null });
  });

  it('measures box fit, recall by size and by class', () => {
    expect(localisation.count).toBe(1);
    expect(localisation.medianIou).toBeCloseTo(1, 12);
    expect(localisation.meanIou).toBeCloseTo(1, 12);
    const counted = sizes.filter(({ count }) => count > 0);
    expect(counted.map(({ lowPx, count, found: hits }) => [lowPx, count, hits])).toEqual([
      [16, 3, 1],
      [32, 1, 0],
    ]);
    expect(counted[0]!.interval!.low).toBeLessThan(1 / 3);
    expect(counted[0]!.interval!.high).toBeGreaterThan(1 / 3);
    expect(perClass).toEqual([
      { name: 'a', defects: 2, found: 1, falseCalls: 3 },
      { name: 'b', defects: 2, found: 0, falseCalls: 2 },
    ]);
    const ofA = curves.find(({ categoryIndex, iouIndex }) => categoryIndex === 0 && iouIndex === 0)!;
    expect(ofA.ap).toBeCloseTo(51 / 101, 12);
    expect(ofA.precision[0]).toBeCloseTo(1, 12);
    expect(ofA.precision[50]).toBeCloseTo(1, 12);
    expect(ofA.precision[51]).toBe(0);
  });

  it('names the images that only one of two models judges right', () => {
    const better = recordOf([found[0]!, [0.9, 2, 0, 10, 10, 20, 20]]);
    const outcomesOf = (each: EvaluationRecord) =>
      imageOutcomes(each.groundTruth, each.detections, analyseEvaluation(each).matches, 0.5);
    const [first, second] = [outcomesOf(better), outcomesOf(record)];
    // Most mistakes first: a miss and two false calls in the third image, one false call in the others.
    expect(onlyFirstRight(first, second)).toEqual([2, 0, 3]);
    expect(onlyFirstRight(second, first)).toEqual([]);
  });

  it('has no figure where nothing can be counted', () => {
    const empty = analyseEvaluation(recordOf([]));
    expect(empty.chosen).toMatchObject({ found: 0, missed: 4, falseCalls: 0, precision: null, escapes: 4 });
    expect(empty.calibration.expectedCalibrationError).toBeNull();
    expect(empty.localisation.medianIou).toBeNull();
    expect(empty.tide.ap50).toBe(0);
  });
});
