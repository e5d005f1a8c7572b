import { iou } from './boxes.js';

/** Value of {@link MatchResult.gtIndex} for a prior that is neither positive nor negative. */
export const ignored = -2;
/** Value of {@link MatchResult.gtIndex} for a negative. */
export const background = -1;

export interface MatchOptions {
  /** IoU at or above which a prior is positive. */
  positiveIou: number;
  /** IoU below which a prior is negative; between the two it is ignored. */
  negativeIou: number;
  /** When set, every prior tied at a ground truth's best IoU becomes positive if that IoU reaches this value. */
  lowQualityMinIou?: number;
}

/** [N]: index of the matched ground truth, {@link background} or {@link ignored}. */
export interface MatchResult {
  gtIndex: Int32Array;
  maxIou: Float32Array;
}

/**
 * Assigns priors to ground truth by maximum IoU; ties go to the first ground truth, low-quality matches of later
 * ground truths overwrite earlier ones.
 * Source: mmdetection 2.4 MaxIoUAssigner (decoupled-rcnn specification, section 3.1).
 */
export function matchPriors(priorsXyxy: Float32Array, gtXyxy: Float32Array, options: MatchOptions): MatchResult {
  const n = priorsXyxy.length / 4;
  const g = gtXyxy.length / 4;
  const gtIndex = new Int32Array(n).fill(background);
  const maxIou = new Float32Array(n);
  if (g === 0) return { gtIndex, maxIou };
  // IoUs are compared as float32, thresholds too: 0.7 rounds down, and a box of IoU 0.7 must count.
  const positiveIou = Math.fround(options.positiveIou);
  const negativeIou = Math.fround(options.negativeIou);
  const bestOfGt = new Float32Array(g);
  const argmax = new Int32Array(n);
  for (let j = 0; j < g; j++) {
    const [left, top, right, bottom] = gtXyxy.subarray(4 * j, 4 * j + 4) as unknown as [number, number, number, number];
    for (let i = 0; i < n; i++) {
      // Most priors lie beside the box, anchors row by row: above and below first. A comparison with NaN is false, so that such a prior goes on to `iou`.
      if (priorsXyxy[4 * i + 1]! >= bottom || priorsXyxy[4 * i + 3]! <= top) continue;
      if (priorsXyxy[4 * i]! >= right || priorsXyxy[4 * i + 2]! <= left) continue;
      const value = Math.fround(iou(priorsXyxy, i, gtXyxy, j));
      if (value > maxIou[i]!) {
        maxIou[i] = value;
        argmax[i] = j;
      }
      if (value > bestOfGt[j]!) bestOfGt[j] = value;
    }
  }
  for (let i = 0; i < n; i++) {
    if (maxIou[i]! >= positiveIou) gtIndex[i] = argmax[i]!;
    else if (maxIou[i]! >= negativeIou) gtIndex[i] = ignored;
  }
  if (options.lowQualityMinIou !== undefined) {
    const minIou = Math.fround(options.lowQualityMinIou);
    for (let i = 0; i < n; i++) {
      if (maxIou[i]! < minIou) continue;
      for (let j = 0; j < g; j++) {
        if (bestOfGt[j]! < minIou) continue;
        if (Math.fround(iou(priorsXyxy, i, gtXyxy, j)) === bestOfGt[j]!) gtIndex[i] = j;
      }
    }
  }
  return { gtIndex, maxIou };
}
