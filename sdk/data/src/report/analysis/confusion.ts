import type { CocoDetections, CocoGroundTruth } from '../../eval/coco-tables.js';
import { boxIou } from '../../eval/match-coco.js';
import { type BoxMatches, groundTruthsByImage, ignored, rowsByDescendingScore, unmatched } from './match-boxes.js';

/** Shapes in this module: K categories; index K is the background. */

/** What was found as what. */
export interface ConfusionMatrix {
  /** [(K + 1) * (K + 1)] row = true class, column = detected class; [K, K] is 0, for nothing found as nothing is not counted. */
  readonly counts: Int32Array;
  /** K + 1 */
  readonly size: number;
}

/**
 * Counts detections from `scoreThreshold` on against ground truth. The pairs of {@link BoxMatches} (same class) stand on
 * the diagonal, so that it agrees with recall and precision; what is left is paired across classes at the same IoU, best
 * scores first; what is left after that is background.
 * @param scoreThreshold 0..1, reached is enough
 */
export function confusionMatrix(
  gt: CocoGroundTruth,
  dt: CocoDetections,
  matches: BoxMatches,
  scoreThreshold: number,
): ConfusionMatrix {
  const background = gt.categories.length;
  const size = background + 1;
  const counts = new Int32Array(size * size);
  const isFree = Uint8Array.from(matches.detectionOfGt, (d) =>
    d === unmatched || (d >= 0 && dt.scores[d]! < scoreThreshold) ? 1 : 0,
  );
  const gtsOf = groundTruthsByImage(gt);
  for (const d of rowsByDescendingScore(dt)) {
    if (dt.scores[d]! < scoreThreshold || matches.gtOfDetection[d] === ignored) continue;
    const predicted = dt.categoryIndex[d]!;
    if (matches.gtOfDetection[d]! >= 0) {
      counts[predicted * size + predicted]!++;
      continue;
    }
    const image = dt.imageIndex[d]!;
    let best = Math.min(matches.iouThreshold, 1 - 1e-10);
    let partner = unmatched;
    for (let i = gtsOf.starts[image]!; i < gtsOf.starts[image + 1]!; i++) {
      const g = gtsOf.rows[i]!;
      if (!isFree[g] || gt.categoryIndex[g] === predicted) continue;
      const iou = boxIou(dt.boxesXywh, d * 4, gt.boxesXywh, g * 4, false);
      if (iou < best) continue;
      best = iou;
      partner = g;
    }
    if (partner === unmatched) {
      counts[background * size + predicted]!++;
      continue;
    }
    isFree[partner] = 0;
    counts[gt.categoryIndex[partner]! * size + predicted]!++;
  }
  for (let g = 0; g < isFree.length; g++) if (isFree[g]) counts[gt.categoryIndex[g]! * size + background]!++;
  return { counts, size };
}
