import { areaRanges, iouThresholds, maxDetections, recallThresholds } from './coco-grid.js';
import type { CocoDetections, CocoGroundTruth } from './coco-tables.js';
import { type CategoryMatches, matchCategory } from './match-coco.js';
import { groupRows } from './sort.js';

/** Shapes in this module: T IoU thresholds, R recall thresholds, K categories, A area ranges, M detection limits. -1 means "no ground truth". */

const T = iouThresholds.length;
const R = recallThresholds.length;
const A = areaRanges.length;
const M = maxDetections.length;

/** COCO's twelve figures, 0..1, or -1 where there is no ground truth. */
export interface CocoStats {
  AP: number;
  AP50: number;
  AP75: number;
  APs: number;
  APm: number;
  APl: number;
  AR1: number;
  AR10: number;
  AR100: number;
  ARs: number;
  ARm: number;
  ARl: number;
}

export interface CocoEvaluation {
  readonly stats: CocoStats;
  /** AP at each IoU threshold; keys '0.50' ... '0.95'. */
  readonly perIou: Readonly<Record<string, number>>;
  /** AP of each category by name. */
  readonly perClass: Readonly<Record<string, number>>;
  /** [K] in the order of the K axis below: ascending ids. */
  readonly categories: CocoGroundTruth['categories'];
  /** [T, R, K, A, M] precision at each recall threshold. */
  readonly precision: Float64Array;
  /** [T, R, K, A, M] score at which that recall is reached, 0 if it is not. */
  readonly scores: Float64Array;
  /** [T, K, A, M] highest recall. */
  readonly recall: Float64Array;
}

/** Picks a part of the evaluation: absent means all thresholds, all categories, area `all`, the largest limit. */
export interface CocoSlice {
  iouIndex?: number;
  categoryIndex?: number;
  areaIndex?: number;
  maxDetectionsIndex?: number;
}

/**
 * COCO box AP and AR, operation by operation as pycocotools computes them, so that the arrays are equal to the last bit.
 * @param groundTruth annotations; detections of an image it does not list do not exist
 * @param detections  in file order, which decides between equal scores
 * Source: pycocotools cocoeval.py (evaluateImg, accumulate, summarize) with iouType bbox and default parameters.
 */
export function evaluateCoco(groundTruth: CocoGroundTruth, detections: CocoDetections): CocoEvaluation {
  const K = groundTruth.categories.length;
  const precision = new Float64Array(T * R * K * A * M).fill(-1);
  const scores = new Float64Array(T * R * K * A * M).fill(-1);
  const recall = new Float64Array(T * K * A * M).fill(-1);
  const gtOf = groupRows(groundTruth.categoryIndex, K);
  const dtOf = groupRows(detections.categoryIndex, K);
  for (let k = 0; k < K; k++) {
    const gtRows = gtOf.rows.subarray(gtOf.starts[k], gtOf.starts[k + 1]);
    const dtRows = dtOf.rows.subarray(dtOf.starts[k], dtOf.starts[k + 1]);
    const matches = matchCategory(groundTruth, detections, gtRows, dtRows);
    for (let m = 0; m < M; m++) accumulate(matches, k, m, K, { precision, scores, recall });
  }
  const arrays = { precision, scores, recall, categories: groundTruth.categories };
  const stats = {
    AP: averagePrecision(arrays),
    AP50: averagePrecision(arrays, { iouIndex: 0 }),
    AP75: averagePrecision(arrays, { iouIndex: 5 }),
    APs: averagePrecision(arrays, { areaIndex: 1 }),
    APm: averagePrecision(arrays, { areaIndex: 2 }),
    APl: averagePrecision(arrays, { areaIndex: 3 }),
    AR1: averageRecall(arrays, { maxDetectionsIndex: 0 }),
    AR10: averageRecall(arrays, { maxDetectionsIndex: 1 }),
    AR100: averageRecall(arrays, { maxDetectionsIndex: 2 }),
    ARs: averageRecall(arrays, { areaIndex: 1 }),
    ARm: averageRecall(arrays, { areaIndex: 2 }),
    ARl: averageRecall(arrays, { areaIndex: 3 }),
  };
  const perIou = Object.fromEntries(
    Array.from(iouThresholds, (t, iouIndex) => [t.toFixed(2), averagePrecision(arrays, { iouIndex })]),
  );
  const names = classNames(groundTruth.categories);
  const perClass = Object.fromEntries(
    names.map((name, categoryIndex) => [name, averagePrecision(arrays, { categoryIndex })]),
  );
  return { stats, perIou, perClass, ...arrays };
}

type Arrays = Pick<CocoEvaluation, 'precision' | 'recall' | 'scores'>;

/** Fills the slots of category k and detection limit m. */
function accumulate(matches: CategoryMatches, k: number, m: number, K: number, into: Arrays): void {
  const limit = maxDetections[m]!;
  const slots = matches.order.filter((slot) => matches.ranks[slot]! < limit);
  const count = slots.length;
  const total = matches.order.length;
  const precisionAt = new Float64Array(count);
  const recallAt = new Float64Array(count);
  for (let a = 0; a < A; a++) {
    const positives = matches.groundTruthCounts[a]!;
    if (positives === 0) continue;
    for (let t = 0; t < T; t++) {
      const bit = 1 << t;
      let truePositives = 0;
      let falsePositives = 0;
      for (let i = 0; i < count; i++) {
        const at = a * total + slots[i]!;
        if (!(matches.ignored[at]! & bit)) {
          if (matches.matched[at]! & bit) truePositives++;
          else falsePositives++;
        }
        recallAt[i] = truePositives / positives;
        precisionAt[i] = truePositives / (falsePositives + truePositives + Number.EPSILON);
      }
      into.recall[((t * K + k) * A + a) * M + m] = count > 0 ? recallAt[count - 1]! : 0;
      for (let i = count - 1; i > 0; i--)
        if (precisionAt[i]! > precisionAt[i - 1]!) precisionAt[i - 1] = precisionAt[i]!;
      for (let r = 0, i = 0; r < R; r++) {
        while (i < count && recallAt[i]! < recallThresholds[r]!) i++;
        const at = (((t * R + r) * K + k) * A + a) * M + m;
        into.precision[at] = i < count ? precisionAt[i]! : 0;
        into.scores[at] = i < count ? matches.scores[slots[i]!]! : 0;
      }
    }
  }
}

/** Names that tell the categories apart: a name that two of them share gets the id. */
function classNames(categories: CocoGroundTruth['categories']): string[] {
  const names = categories.map((category) => category.name);
  return categories.map(({ id, name }) => (names.indexOf(name) === names.lastIndexOf(name) ? name : `${name} (${id})`));
}

/** Mean precision over a slice, leaving out what has no ground truth; -1 if nothing is left. */
export function averagePrecision(
  evaluation: Pick<CocoEvaluation, 'precision' | 'categories'>,
  slice: CocoSlice = {},
): number {
  const K = evaluation.categories.length;
  const { areaIndex = 0, maxDetectionsIndex = M - 1 } = slice;
  let sum = 0;
  let count = 0;
  for (const t of axis(slice.iouIndex, T)) {
    for (let r = 0; r < R; r++) {
      for (const k of axis(slice.categoryIndex, K)) {
        const value = evaluation.precision[(((t * R + r) * K + k) * A + areaIndex) * M + maxDetectionsIndex]!;
        if (value > -1) {
          sum += value;
          count++;
        }
      }
    }
  }
  return count > 0 ? sum / count : -1;
}

/** Mean of the highest recall over a slice, leaving out what has no ground truth; -1 if nothing is left. */
export function averageRecall(
  evaluation: Pick<CocoEvaluation, 'recall' | 'categories'>,
  slice: CocoSlice = {},
): number {
  const K = evaluation.categories.length;
  const { areaIndex = 0, maxDetectionsIndex = M - 1 } = slice;
  let sum = 0;
  let count = 0;
  for (const t of axis(slice.iouIndex, T)) {
    for (const k of axis(slice.categoryIndex, K)) {
      const value = evaluation.recall[((t * K + k) * A + areaIndex) * M + maxDetectionsIndex]!;
      if (value > -1) {
        sum += value;
        count++;
      }
    }
  }
  return count > 0 ? sum / count : -1;
}

function axis(index: number | undefined, length: number): number[] {
  return index === undefined ? Array.from({ length }, (_, i) => i) : [index];
}
