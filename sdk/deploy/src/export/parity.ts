import { type Detection, iou } from '@plumbline/core/geometry';

/** The largest difference between two detectors over a set of images: after suppression and before. */
export interface Parity extends SetDifference {
  /** Every region with each class that it scores above the threshold. */
  readonly beforeNms: SetDifference;
}

/** The largest difference between sets of boxes, image by image. */
export interface SetDifference {
  readonly images: number;
  /** Detections compared. */
  readonly detections: number;
  readonly maxBoxErrorPx: number;
  readonly maxScoreError: number;
  /** Detections that have no partner of the same class on the other side, above `scoreMargin` of the threshold. */
  readonly unmatched: number;
}

/** Difference of boxes that counts as much as one of a whole score when partners are chosen: 0.05 px to 1e-4. */
const pxOfScore = 500;

/** Boxes that overlap by less and lie farther apart are of different objects. */
const partnerIou = 0.5;
const alwaysPartnersPx = 1;

/** A detection this close to the score threshold may exist on one side only. */
const scoreMargin = 1e-3;

/**
 * Compares detections image by image as sets: each one with its nearest partner of the same class by corners and
 * score, each partner once, among those that overlap it by half or
 * lie within a pixel. A pair that only one side has counts as unmatched unless its score lies at the threshold.
 */
export function compareDetections(
  reference: readonly (readonly Detection[])[],
  actual: readonly (readonly Detection[])[],
  scoreThreshold: number,
): SetDifference {
  let detections = 0;
  let unmatched = 0;
  let maxBoxErrorPx = 0;
  let maxScoreError = 0;
  for (const [image, expected] of reference.entries()) {
    const free = new Set(actual[image] ?? []);
    for (const detection of expected) {
      const partner = nearest(detection, free);
      if (!partner) {
        if (detection.score > scoreThreshold + scoreMargin) unmatched++;
        continue;
      }
      free.delete(partner.detection);
      detections++;
      maxBoxErrorPx = Math.max(maxBoxErrorPx, partner.errorPx);
      maxScoreError = Math.max(maxScoreError, Math.abs(partner.detection.score - detection.score));
    }
    for (const left of free) if (left.score > scoreThreshold + scoreMargin) unmatched++;
  }
  return { images: reference.length, detections, maxBoxErrorPx, maxScoreError, unmatched };
}

function nearest(detection: Detection, candidates: ReadonlySet<Detection>) {
  let best: { detection: Detection; errorPx: number; distance: number } | undefined;
  for (const candidate of candidates) {
    if (candidate.classId !== detection.classId) continue;
    const errorPx = Math.max(...candidate.boxXyxy.map((corner, i) => Math.abs(corner - detection.boxXyxy[i]!)));
    if (errorPx > alwaysPartnersPx && overlap(candidate, detection) < partnerIou) continue;
    // Regions of one object lie close together before suppression: the score tells them apart.
    const distance = errorPx + pxOfScore * Math.abs(candidate.score - detection.score);
    if (distance < (best?.distance ?? Number.POSITIVE_INFINITY)) best = { detection: candidate, errorPx, distance };
  }
  return best;
}

const overlap = (a: Detection, b: Detection) => iou(Float32Array.from(a.boxXyxy), 0, Float32Array.from(b.boxXyxy), 0);
