import type { Detection } from '@plumbline/core/geometry';

/** The largest difference between two detectors over a set of images. */
export interface Parity {
  readonly images: number;
  /** Detections compared. */
  readonly detections: number;
  readonly maxBoxErrorPx: number;
  readonly maxScoreError: number;
  /** Detections that have no partner of the same class on the other side, above `scoreMargin` of the threshold. */
  readonly unmatched: number;
}

/** A detection this close to the score threshold may exist on one side only. */
const scoreMargin = 1e-3;

/**
 * Compares detections image by image as sets: each one with its nearest partner of the same class by box corners, each
 * partner once. A pair that only one side has counts as unmatched unless its score lies at the threshold.
 */
export function compareDetections(
  reference: readonly (readonly Detection[])[],
  actual: readonly (readonly Detection[])[],
  scoreThreshold: number,
): Parity {
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
  let best: { detection: Detection; errorPx: number } | undefined;
  for (const candidate of candidates) {
    if (candidate.classId !== detection.classId) continue;
    const errorPx = Math.max(...candidate.boxXyxy.map((corner, i) => Math.abs(corner - detection.boxXyxy[i]!)));
    if (errorPx < (best?.errorPx ?? Number.POSITIVE_INFINITY)) best = { detection: candidate, errorPx };
  }
  return best;
}
