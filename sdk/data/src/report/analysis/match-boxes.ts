import type { CocoDetections, CocoGroundTruth } from '../../eval/coco-tables.js';
import { boxIou } from '../../eval/match-coco.js';
import { type Groups, groupRows, orderByDescendingScore } from '../../eval/sort.js';

/** Shapes in this module: I images, G annotations, D detections. Boxes are x, y, width, height in px of the stored image. */

/** Detections of one image and class that are looked at, best scores first, as in COCO's evaluation. */
const perImageAndClassLimit = 100;

/** Which detection found which ground truth, at one IoU threshold. */
export interface BoxMatches {
  readonly iouThreshold: number;
  /** [D] row of the ground truth that it found, `unmatched`, or `ignored` (inside a crowd, or beyond the 100 best). */
  readonly gtOfDetection: Int32Array;
  /** [D] IoU with the ground truth that it found, else 0. */
  readonly iouOfDetection: Float64Array;
  /** [G] row of the detection that found it, or `unmatched`; `ignored` for a crowd. */
  readonly detectionOfGt: Int32Array;
}

export const unmatched = -1;
export const ignored = -2;

/**
 * COCO's matching at one IoU threshold: in each image and class, detections by descending score take the free ground
 * truth of the highest IoU. A detection's match depends on better scores only, so the result holds for every score
 * threshold: one takes the part with `score >= threshold`.
 * @param iouThreshold 0..1, reached is enough
 * Source: pycocotools cocoeval.py, evaluateImg, for area range `all` and 100 detections.
 */
export function matchBoxes(gt: CocoGroundTruth, dt: CocoDetections, iouThreshold: number): BoxMatches {
  const gtOfDetection = new Int32Array(dt.scores.length).fill(unmatched);
  const iouOfDetection = new Float64Array(dt.scores.length);
  const detectionOfGt = Int32Array.from(gt.isCrowd, (crowd) => (crowd ? ignored : unmatched));
  const gtsOf = groupRows(gt.imageIndex, gt.imageIds.length);
  const kept = new Map<number, number>();
  for (const d of rowsByDescendingScore(dt)) {
    const image = dt.imageIndex[d]!;
    const category = dt.categoryIndex[d]!;
    const key = image * gt.categories.length + category;
    const rank = kept.get(key) ?? 0;
    kept.set(key, rank + 1);
    if (rank >= perImageAndClassLimit) {
      gtOfDetection[d] = ignored;
      continue;
    }
    let best = Math.min(iouThreshold, 1 - 1e-10);
    let bestCrowd = best;
    let partner = unmatched;
    let isInCrowd = false;
    for (let i = gtsOf.starts[image]!; i < gtsOf.starts[image + 1]!; i++) {
      const g = gtsOf.rows[i]!;
      if (gt.categoryIndex[g] !== category) continue;
      const isCrowd = gt.isCrowd[g] === 1;
      if (!isCrowd && detectionOfGt[g] !== unmatched) continue;
      const iou = boxIou(dt.boxesXywh, d * 4, gt.boxesXywh, g * 4, isCrowd);
      if (isCrowd) {
        if (iou >= bestCrowd) {
          bestCrowd = iou;
          isInCrowd = true;
        }
      } else if (iou >= best) {
        best = iou;
        partner = g;
      }
    }
    if (partner !== unmatched) {
      gtOfDetection[d] = partner;
      iouOfDetection[d] = best;
      detectionOfGt[partner] = d;
    } else if (isInCrowd) gtOfDetection[d] = ignored;
  }
  return { iouThreshold, gtOfDetection, iouOfDetection, detectionOfGt };
}

/** [D] rows by descending score; equal scores by image, then in file order, as pycocotools concatenates them. */
export function rowsByDescendingScore(dt: CocoDetections): Int32Array {
  const images = dt.imageIndex.reduce((max, image) => Math.max(max, image), -1) + 1;
  const { rows } = groupRows(dt.imageIndex, images);
  const order = orderByDescendingScore(Float64Array.from(rows, (row) => dt.scores[row]!));
  return order.map((position) => rows[position]!);
}

/** Rows of the detections of each image. */
export function detectionsByImage(gt: CocoGroundTruth, dt: CocoDetections): Groups {
  return groupRows(dt.imageIndex, gt.imageIds.length);
}

/** Rows of the ground truths of each image. */
export function groundTruthsByImage(gt: CocoGroundTruth): Groups {
  return groupRows(gt.imageIndex, gt.imageIds.length);
}
