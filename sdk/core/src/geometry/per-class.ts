import { nms } from './nms.js';
import { softNmsLinear } from './soft-nms.js';

/** Shapes in this module: R regions, C classes; boxes xyxy px. */

/** Scores and boxes of regions, before threshold and suppression. */
export interface ScoredRegions {
  readonly count: number;
  readonly classes: number;
  /** [R * 4], or [R * C * 4] when every class has boxes of its own. */
  readonly boxesXyxy: Float32Array;
  readonly isClassSpecific: boolean;
  /** The score of class c for region r. */
  scoreOf(r: number, c: number): number;
  /** [R]: the scores of class c, where they are at hand faster than one by one. */
  scoresOf?(c: number): Float32Array;
}

/** A region that stays with one of its classes. */
export interface RegionDetection {
  readonly classId: number;
  readonly score: number;
  readonly boxXyxy: [x1: number, y1: number, x2: number, y2: number];
  readonly region: number;
}

export interface KeptBox {
  readonly index: number;
  readonly score: number;
}

/**
 * Suppression class by class, then the best over all classes by descending score, ties to the lower class.
 * @param suppress boxes [R * 4] and scores [R] of one class -> those that stay, best first
 */
export function detectPerClass(
  regions: ScoredRegions,
  maxDetections: number,
  suppress: (boxesXyxy: Float32Array, scores: Float32Array) => readonly KeptBox[],
): RegionDetection[] {
  const { count, classes, boxesXyxy, isClassSpecific } = regions;
  const found: RegionDetection[] = [];
  for (let c = 0; c < classes; c++) {
    const scores = regions.scoresOf?.(c) ?? scoresOneByOne(regions, c);
    const boxes = isClassSpecific
      ? Float32Array.from({ length: 4 * count }, (_, k) => boxesXyxy[4 * ((k >> 2) * classes + c) + (k & 3)]!)
      : boxesXyxy;
    for (const { index, score } of suppress(boxes, scores)) {
      const [x1, y1, x2, y2] = boxes.subarray(4 * index, 4 * index + 4) as unknown as RegionDetection['boxXyxy'];
      found.push({ classId: c, score, boxXyxy: [x1, y1, x2, y2], region: index });
    }
  }
  return found.sort((a, b) => b.score - a.score || a.classId - b.classId).slice(0, maxDetections);
}

function scoresOneByOne(regions: ScoredRegions, c: number): Float32Array {
  const scores = new Float32Array(regions.count);
  for (let r = 0; r < scores.length; r++) scores[r] = regions.scoreOf(r, c);
  return scores;
}

/** Greedy suppression among the boxes that score above a threshold; what {@link detectPerClass} asks for. */
export function suppressAbove(
  boxesXyxy: Float32Array,
  scores: Float32Array,
  scoreThreshold: number,
  nmsIou: number,
): KeptBox[] {
  return nms(boxesXyxy, orderAbove(scores, scoreThreshold), nmsIou).map((index) => ({ index, score: scores[index]! }));
}

/** Linear soft suppression among the boxes that score above a threshold; see {@link softNmsLinear}. */
export function suppressSoftly(
  boxesXyxy: Float32Array,
  scores: Float32Array,
  scoreThreshold: number,
  nmsIou: number,
  minScore: number,
): KeptBox[] {
  const order = orderAbove(scores, scoreThreshold);
  const boxes = Float32Array.from({ length: 4 * order.length }, (_, k) => boxesXyxy[4 * order[k >> 2]! + (k & 3)]!);
  const ordered = Float32Array.from(order, (i) => scores[i]!);
  const kept = softNmsLinear(boxes, ordered, { iouThreshold: nmsIou, minScore });
  return kept.indices.map((i, k) => ({ index: order[i]!, score: kept.scores[k]! }));
}

/** Indices of the scores above a threshold, best first, ties to the lower index. */
function orderAbove(scores: Float32Array, scoreThreshold: number): number[] {
  const above: number[] = [];
  for (let i = 0; i < scores.length; i++) if (scores[i]! > scoreThreshold) above.push(i);
  return above.sort((a, b) => scores[b]! - scores[a]! || a - b);
}

/** Every region with each class that it scores above a threshold, without suppression. */
export function pairsAbove(regions: ScoredRegions, scoreThreshold: number): RegionDetection[] {
  return detectPerClass(regions, Number.POSITIVE_INFINITY, (_, scores) =>
    [...scores].map((score, index) => ({ index, score })).filter(({ score }) => score > scoreThreshold),
  );
}
