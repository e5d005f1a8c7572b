import type { CocoDetections, CocoGroundTruth } from '../../eval/coco-tables.js';
import { boxIou } from '../../eval/match-coco.js';
import { type BoxMatches, detectionsByImage, groundTruthsByImage, ignored } from './match-boxes.js';

/** A ground truth that no detection found. */
export interface WorstMiss {
  readonly gt: number;
  /** Row of the detection of any class and any score that overlaps it most; null when nothing touches it. */
  readonly nearest: number | null;
  readonly nearestIou: number;
  /** sqrt(width * height), px. */
  readonly sidePx: number;
}

/** A detection that found no ground truth. */
export interface WorstFalseCall {
  readonly detection: number;
  /** Row of the ground truth of any class that it overlaps most; null when it touches none. */
  readonly nearest: number | null;
  readonly nearestIou: number;
}

/**
 * Ground truths missed at a score threshold: in turn the largest one and the one that a detection came closest to, since
 * the first is what a customer sees and the second is what a better box or threshold would find.
 */
export function worstMisses(
  gt: CocoGroundTruth,
  dt: CocoDetections,
  matches: BoxMatches,
  scoreThreshold: number,
  limit: number,
): WorstMiss[] {
  const dtsOf = detectionsByImage(gt, dt);
  const misses: WorstMiss[] = [];
  for (let g = 0; g < gt.isCrowd.length; g++) {
    const holder = matches.detectionOfGt[g]!;
    if (holder === ignored || (holder >= 0 && dt.scores[holder]! >= scoreThreshold)) continue;
    let nearest: number | null = null;
    let nearestIou = 0;
    const image = gt.imageIndex[g]!;
    for (let i = dtsOf.starts[image]!; i < dtsOf.starts[image + 1]!; i++) {
      const d = dtsOf.rows[i]!;
      const iou = boxIou(dt.boxesXywh, d * 4, gt.boxesXywh, g * 4, false);
      if (iou > nearestIou) {
        nearestIou = iou;
        nearest = d;
      }
    }
    const sidePx = Math.sqrt(gt.boxesXywh[g * 4 + 2]! * gt.boxesXywh[g * 4 + 3]!);
    misses.push({ gt: g, nearest, nearestIou, sidePx });
  }
  const bySize = misses.toSorted((a, b) => b.sidePx - a.sidePx);
  const byIou = misses.toSorted((a, b) => b.nearestIou - a.nearestIou);
  const chosen = new Set<WorstMiss>();
  for (let i = 0; i < misses.length && chosen.size < limit; i++) {
    chosen.add(bySize[i]!);
    if (chosen.size < limit) chosen.add(byIou[i]!);
  }
  return [...chosen];
}

/** False calls from a score threshold on, highest scores first. */
export function worstFalseCalls(
  gt: CocoGroundTruth,
  dt: CocoDetections,
  matches: BoxMatches,
  scoreThreshold: number,
  limit: number,
): WorstFalseCall[] {
  const gtsOf = groundTruthsByImage(gt);
  return Array.from(dt.scores, (_, d) => d)
    .filter((d) => dt.scores[d]! >= scoreThreshold && matches.gtOfDetection[d] === -1)
    .sort((a, b) => dt.scores[b]! - dt.scores[a]!)
    .slice(0, limit)
    .map((detection) => {
      let nearest: number | null = null;
      let nearestIou = 0;
      const image = dt.imageIndex[detection]!;
      for (let i = gtsOf.starts[image]!; i < gtsOf.starts[image + 1]!; i++) {
        const g = gtsOf.rows[i]!;
        const iou = boxIou(dt.boxesXywh, detection * 4, gt.boxesXywh, g * 4, false);
        if (iou > nearestIou) {
          nearestIou = iou;
          nearest = g;
        }
      }
      return { detection, nearest, nearestIou };
    });
}
