import { iou } from './boxes.js';

export interface SoftNmsOptions {
  /** IoU at or above which a box loses score; 0..1. */
  readonly iouThreshold: number;
  /** After each pick, boxes whose score fell below this are dropped; 0..1. */
  readonly minScore: number;
}

export interface SoftNmsResult {
  /** Kept indices by descending new score, ties to the lower index. */
  readonly indices: number[];
  /** The new score of each kept index. */
  readonly scores: Float32Array;
}

/**
 * Linear soft-NMS of the boxes of one class: instead of dropping a box that overlaps a better one by the share u, its
 * score is multiplied by 1 - u. The best box is kept whatever its score.
 * @param boxesXyxy [N * 4] px
 * @param scores    [N], left as they are
 * Source: Bodla et al. (arXiv:1704.04503), eq. 2, with mmdetection's `>=` and its dropping (decoupled-rcnn
 * specification section 3.2); float32 like there, so that equal scores stay equal.
 */
export function softNmsLinear(boxesXyxy: Float32Array, scores: Float32Array, options: SoftNmsOptions): SoftNmsResult {
  const { fround } = Math;
  const iouThreshold = fround(options.iouThreshold);
  const minScore = fround(options.minScore);
  const current = Float32Array.from(scores);
  let left = Array.from(scores, (_, i) => i);
  const indices: number[] = [];
  while (left.length > 0) {
    const best = left.reduce((a, b) => (current[b]! > current[a]! ? b : a));
    indices.push(best);
    left = left.filter((i) => {
      if (i === best) return false;
      const overlap = fround(iou(boxesXyxy, best, boxesXyxy, i));
      if (overlap >= iouThreshold) current[i] = current[i]! * fround(1 - overlap);
      return current[i]! >= minScore;
    });
  }
  return { indices, scores: Float32Array.from(indices, (i) => current[i]!) };
}
