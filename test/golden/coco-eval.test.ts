import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  areaRanges,
  averagePrecision,
  averageRecall,
  evaluateCoco,
  iouThresholds,
  readCocoDetections,
  readCocoGroundTruth,
  recallThresholds,
} from '@plumbline/data/eval';
import { describe, expect, it } from 'vitest';

/** Equality with pycocotools: statistics to 1e-12, arrays to the last bit. Another folder of cases: PLUMBLINE_GOLDEN. */
const folder = join(process.env.PLUMBLINE_GOLDEN ?? import.meta.dirname, 'coco-eval');
const cases = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'expected.json')));
const tolerance = 1e-12;

type ByArea = Record<(typeof areaRanges)[number]['name'], number>;

interface Expected {
  stats: Record<string, number>;
  AP_per_iou: number[];
  AR: Record<string, ByArea>;
  AP_by_maxdets: Record<string, ByArea>;
  per_class: Record<string, number & number[]>[];
  precision_sha256_f64le: string;
  recall_sha256_f64le: string;
  scores_sha256_f64le: string;
}

const readJson = (...path: string[]) => JSON.parse(readFileSync(join(folder, ...path), 'utf8')) as unknown;
const sha256 = (array: Float64Array) => createHash('sha256').update(new Uint8Array(array.buffer)).digest('hex');

function expectClose(actual: number, expected: number, what: string): void {
  expect(Math.abs(actual - expected), `${what}: ${actual} instead of ${expected}`).toBeLessThanOrEqual(tolerance);
}

describe('evaluateCoco', () => {
  it('finds its golden cases', () => {
    expect(cases.length, `cases in ${folder}`).toBeGreaterThan(0);
    const own = ['tiny', 'crowd-edge', 'deeppcb', 'no-detections', 'no-gt'];
    if (!process.env.PLUMBLINE_GOLDEN) expect(cases).toEqual(expect.arrayContaining(own));
  });

  it('uses the thresholds of pycocotools bit by bit', () => {
    const constants = readJson('constants.json') as { iouThrs: number[]; recThrs: number[] };
    expect([...iouThresholds]).toEqual(constants.iouThrs);
    expect([...recallThresholds]).toEqual(constants.recThrs);
  });

  it.each(cases)('equals pycocotools on the case %s', async (name) => {
    const expected = readJson(name, 'expected.json') as Expected;
    const groundTruth = await readCocoGroundTruth(join(folder, name, 'gt.json'));
    const detections = await readCocoDetections(join(folder, name, 'detections.json'), groundTruth);
    const result = evaluateCoco(groundTruth, detections);

    expect(Object.keys(result.stats)).toEqual(Object.keys(expected.stats));
    for (const [key, value] of Object.entries(result.stats)) expectClose(value, expected.stats[key]!, key);
    Object.entries(result.perIou).forEach(([t, value], i) => expectClose(value, expected.AP_per_iou[i]!, `AP at ${t}`));
    [1, 10, 100].forEach((limit, maxDetectionsIndex) => {
      areaRanges.forEach((area, areaIndex) => {
        const slice = { areaIndex, maxDetectionsIndex };
        expectClose(
          averagePrecision(result, slice),
          expected.AP_by_maxdets[limit]![area.name],
          `AP ${area.name} ${limit}`,
        );
        expectClose(averageRecall(result, slice), expected.AR[limit]![area.name], `AR ${area.name} ${limit}`);
      });
    });

    expect(result.categories.map((c) => c.id)).toEqual(expected.per_class.map((c) => c.category_id));
    expected.per_class.forEach((row, categoryIndex) => {
      const what = (field: string) => `category ${row.category_id} ${field}`;
      expectClose(Object.values(result.perClass)[categoryIndex]!, row.AP!, what('AP'));
      ['APs', 'APm', 'APl'].forEach((field, i) =>
        expectClose(averagePrecision(result, { categoryIndex, areaIndex: i + 1 }), row[field]!, what(field)),
      );
      ['AR1', 'AR10', 'AR100'].forEach((field, maxDetectionsIndex) =>
        expectClose(averageRecall(result, { categoryIndex, maxDetectionsIndex }), row[field]!, what(field)),
      );
      for (let iouIndex = 0; iouIndex < iouThresholds.length; iouIndex++) {
        expectClose(
          averagePrecision(result, { categoryIndex, iouIndex }),
          row.AP_per_iou![iouIndex]!,
          what(`AP ${iouIndex}`),
        );
        expectClose(
          averageRecall(result, { categoryIndex, iouIndex }),
          row.recall_per_iou![iouIndex]!,
          what(`recall ${iouIndex}`),
        );
      }
    });

    expect(sha256(result.precision), 'precision array').toBe(expected.precision_sha256_f64le);
    expect(sha256(result.recall), 'recall array').toBe(expected.recall_sha256_f64le);
    expect(sha256(result.scores), 'scores array').toBe(expected.scores_sha256_f64le);
  });
});
