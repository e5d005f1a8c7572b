import { type CocoGrid, cocoGrid } from './coco-grid.js';
import type { CocoDetections, CocoGroundTruth } from './coco-tables.js';
import { type CategoryMatches, matchCategory } from './match-coco.js';
import { groupRows } from './sort.js';

/**
 * Shapes in this module: T IoU thresholds, R recall thresholds, K categories, A area ranges, M detection limits. -1 means
 * "no ground truth".
 */

/** COCO's twelve figures, 0..1, or -1 where there is no ground truth. */
export type CocoStats = Record<
  'AP' | 'AP50' | 'AP75' | 'APs' | 'APm' | 'APl' | 'AR1' | 'AR10' | 'AR100' | 'ARs' | 'ARm' | 'ARl',
  number
>;

export interface CocoEvaluation<Stats = Readonly<Record<string, number>>> {
  /** COCO's twelve; with another grid its area ranges and limits by their own names. */
  readonly stats: Stats;
  /** AP at each IoU threshold; keys '0.50' ... '0.95'. */
  readonly perIou: Readonly<Record<string, number>>;
  /** AP of each category by name. */
  readonly perClass: Readonly<Record<string, number>>;
  readonly grid: CocoGrid;
  /** [K] in the order of the K axis below: ascending ids. */
  readonly categories: CocoGroundTruth['categories'];
  /** [T, R, K, A, M] precision at each recall threshold. */
  readonly precision: Float64Array;
  /** [T, R, K, A, M] score at which that recall is reached, 0 if it is not. */
  readonly scores: Float64Array;
  /** [T, K, A, M] highest recall. */
  readonly recall: Float64Array;
}

/** Picks a part of the evaluation: absent means all thresholds, all categories, the first area, the largest limit. */
export interface CocoSlice {
  iouIndex?: number;
  categoryIndex?: number;
  areaIndex?: number;
  maxDetectionsIndex?: number;
}

/**
 * COCO box AP and AR, with the results of pycocotools to the last bit.
 * @param groundTruth annotations; detections of an image it does not list do not exist
 * @param detections  in file order, which decides between equal scores
 * Source: pycocotools cocoeval.py (evaluateImg, accumulate, summarize) with iouType bbox.
 */
export function evaluateCoco(groundTruth: CocoGroundTruth, detections: CocoDetections): CocoEvaluation<CocoStats>;
export function evaluateCoco(groundTruth: CocoGroundTruth, detections: CocoDetections, grid?: CocoGrid): CocoEvaluation;
export function evaluateCoco(
  groundTruth: CocoGroundTruth,
  detections: CocoDetections,
  grid = cocoGrid,
): CocoEvaluation<CocoStats> {
  const arrays = createCocoArrays(groundTruth.categories.length, grid, (bytes) => new ArrayBuffer(bytes));
  const evaluateCategory = categoryEvaluator(groundTruth, detections, grid, arrays);
  for (let k = 0; k < groundTruth.categories.length; k++) evaluateCategory(k);
  return describeCoco(groundTruth, grid, arrays) as CocoEvaluation<CocoStats>;
}

/** The arrays of an evaluation; each category fills places of its own. */
export type CocoArrays = Pick<CocoEvaluation, 'precision' | 'recall' | 'scores'>;

export function createCocoArrays(
  K: number,
  grid: CocoGrid,
  allocate: (bytes: number) => ArrayBuffer | SharedArrayBuffer,
): CocoArrays {
  const [T, R, A, M] = axesOf(grid);
  const array = (length: number) => new Float64Array(allocate(8 * length)).fill(-1);
  return { precision: array(T * R * K * A * M), scores: array(T * R * K * A * M), recall: array(T * K * A * M) };
}

/** @returns what fills the places of one category, by its index */
export function categoryEvaluator(
  groundTruth: CocoGroundTruth,
  detections: CocoDetections,
  grid: CocoGrid,
  into: CocoArrays,
): (k: number) => void {
  const K = groundTruth.categories.length;
  const gtOf = groupRows(groundTruth.categoryIndex, K);
  const dtOf = groupRows(detections.categoryIndex, K);
  return (k) => {
    const gtRows = gtOf.rows.subarray(gtOf.starts[k], gtOf.starts[k + 1]);
    const dtRows = dtOf.rows.subarray(dtOf.starts[k], dtOf.starts[k + 1]);
    const matches = matchCategory(groundTruth, detections, gtRows, dtRows, grid);
    for (let m = 0; m < grid.maxDetections.length; m++) accumulate(matches, grid, k, m, K, into);
  };
}

/** The figures of filled arrays. */
export function describeCoco(
  { categories }: CocoGroundTruth,
  grid: CocoGrid,
  { precision, scores, recall }: CocoArrays,
): CocoEvaluation {
  const arrays = { grid, precision, scores, recall, categories };
  const perIou = Object.fromEntries(
    Array.from(grid.iouThresholds, (t, iouIndex) => [t.toFixed(2), averagePrecision(arrays, { iouIndex })]),
  );
  const names = classNames(categories);
  const perClass = Object.fromEntries(
    names.map((name, categoryIndex) => [name, averagePrecision(arrays, { categoryIndex })]),
  );
  return { stats: summarize(arrays), perIou, perClass, ...arrays };
}

type Arrays = Pick<CocoEvaluation, 'grid' | 'categories' | 'precision' | 'recall' | 'scores'>;

const axesOf = ({ iouThresholds, recallThresholds, areaRanges, maxDetections }: CocoGrid) =>
  [iouThresholds.length, recallThresholds.length, areaRanges.length, maxDetections.length] as const;

/** Suffixes of COCO's own area ranges; others have `_` and their name. */
const suffixes: Readonly<Record<string, string>> = { small: 's', medium: 'm', large: 'l' };

function summarize(arrays: Arrays): Record<string, number> {
  const { areaRanges, iouThresholds, maxDetections } = arrays.grid;
  const atIou = (iou: number) => iouThresholds.findIndex((t) => Math.abs(t - iou) < 1e-9);
  const stats: Record<string, number> = { AP: averagePrecision(arrays) };
  for (const iou of [0.5, 0.75]) {
    const iouIndex = atIou(iou);
    if (iouIndex >= 0) stats[`AP${100 * iou}`] = averagePrecision(arrays, { iouIndex });
  }
  const ranges = areaRanges
    .map(({ name }, areaIndex) => ({ suffix: suffixes[name] ?? `_${name}`, areaIndex }))
    .slice(1);
  for (const { suffix, areaIndex } of ranges) stats[`AP${suffix}`] = averagePrecision(arrays, { areaIndex });
  maxDetections.forEach((limit, maxDetectionsIndex) => {
    stats[`AR${limit}`] = averageRecall(arrays, { maxDetectionsIndex });
  });
  for (const { suffix, areaIndex } of ranges) stats[`AR${suffix}`] = averageRecall(arrays, { areaIndex });
  return stats;
}

/**
 * Fills the slots of category k and detection limit m. The interpolated precision can only rise at a true positive, so that
 * of all positions only those are kept.
 */
function accumulate(matches: CategoryMatches, grid: CocoGrid, k: number, m: number, K: number, into: CocoArrays): void {
  const [T, R, A, M] = axesOf(grid);
  const { order, ranks, matched, ignored, groundTruthCounts } = matches;
  const total = order.length;
  const limit = grid.maxDetections[m]!;
  const every = (1 << T) - 1;
  const slots = m === M - 1 ? order : order.filter((slot) => ranks[slot]! < limit);
  const count = slots.length;
  const hits = new Int32Array(T);
  const misses = new Int32Array(T);
  for (let a = 0; a < A; a++) {
    const positives = groundTruthCounts[a]!;
    if (positives === 0) continue;
    // No threshold has more true positives than there are ground truths.
    const precisionAt = new Float64Array(T * positives);
    const slotAt = new Int32Array(T * positives);
    hits.fill(0);
    misses.fill(0);
    let missesOfAll = 0;
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!;
      const hitBits = matched[a * total + slot]!;
      const ignoredBits = ignored[a * total + slot]!;
      if (hitBits === 0) {
        if (ignoredBits === 0) missesOfAll++;
        else if (ignoredBits !== every) for (let t = 0; t < T; t++) if (!((ignoredBits >> t) & 1)) misses[t]!++;
        continue;
      }
      for (let t = 0; t < T; t++) {
        if ((ignoredBits >> t) & 1) continue;
        if (!((hitBits >> t) & 1)) {
          misses[t]!++;
          continue;
        }
        const truePositives = ++hits[t]!;
        const falsePositives = misses[t]! + missesOfAll;
        precisionAt[t * positives + truePositives - 1] =
          truePositives / (falsePositives + truePositives + Number.EPSILON);
        slotAt[t * positives + truePositives - 1] = slot;
      }
    }
    for (let t = 0; t < T; t++) {
      const found = hits[t]!;
      const base = t * positives;
      into.recall[((t * K + k) * A + a) * M + m] = found / positives;
      for (let i = base + found - 1; i > base; i--) {
        if (precisionAt[i]! > precisionAt[i - 1]!) precisionAt[i - 1] = precisionAt[i]!;
      }
      for (let r = 0, i = 0; r < R; r++) {
        const threshold = grid.recallThresholds[r]!;
        while (i < found && (i + 1) / positives < threshold) i++;
        const at = (((t * R + r) * K + k) * A + a) * M + m;
        // Recall 0 is reached by the first detection, right or wrong.
        const slot = threshold <= 0 ? (count > 0 ? slots[0]! : -1) : i < found ? slotAt[base + i]! : -1;
        into.precision[at] = i < found ? precisionAt[base + i]! : 0;
        into.scores[at] = slot >= 0 ? matches.scores[slot]! : 0;
      }
    }
  }
}

/** Names that tell the categories apart: a name that two of them share gets the id. */
export function classNames(categories: CocoGroundTruth['categories']): string[] {
  const names = categories.map((category) => category.name);
  return categories.map(({ id, name }) => (names.indexOf(name) === names.lastIndexOf(name) ? name : `${name} (${id})`));
}

/** Mean precision over a slice, leaving out what has no ground truth; -1 if nothing is left. */
export function averagePrecision(
  evaluation: Pick<CocoEvaluation, 'precision' | 'categories' | 'grid'>,
  slice: CocoSlice = {},
): number {
  const K = evaluation.categories.length;
  const [T, R, A, M] = axesOf(evaluation.grid);
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
  evaluation: Pick<CocoEvaluation, 'recall' | 'categories' | 'grid'>,
  slice: CocoSlice = {},
): number {
  const K = evaluation.categories.length;
  const [T, , A, M] = axesOf(evaluation.grid);
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
