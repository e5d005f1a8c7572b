import type { CocoDetections, CocoGroundTruth } from './coco-tables.js';

/** Detections that are written as corners, x1, y1, x2, y2, where x, y, width and height belong. */
export interface CornerBoxes {
  /** First detection that leaves its image when it is read as x, y, width, height. */
  readonly row: number;
  /** Share of the detections that do. */
  readonly share: number;
  /** Size of that image, px. */
  readonly width: number;
  readonly height: number;
}

/** Boxes of detectors stay inside their image up to rounding. */
const slackPx = 2;
/** Of correct files a few boxes leave the image; read as corners, of a wrong file nearly all fit. */
const leastShareOutside = 0.2;
const leastShareFitting = 0.99;

/**
 * Tells boxes of corners apart by the sizes of the images: read as x, y, width, height many leave their image, read as
 * corners practically none does.
 * @returns undefined when the boxes are right, or when the ground truth gives no sizes
 */
export function findCorners(detections: CocoDetections, groundTruth: CocoGroundTruth): CornerBoxes | undefined {
  const { imageSizes } = groundTruth;
  const { boxesXywh, imageIndex } = detections;
  const count = imageIndex.length;
  if (!imageSizes || count === 0) return undefined;
  let first = -1;
  let outside = 0;
  let fitting = 0;
  for (let d = 0; d < count; d++) {
    const [width, height] = [imageSizes[2 * imageIndex[d]!]! + slackPx, imageSizes[2 * imageIndex[d]! + 1]! + slackPx];
    if (width === slackPx || height === slackPx) return undefined;
    const [a, b, c, e] = [boxesXywh[4 * d]!, boxesXywh[4 * d + 1]!, boxesXywh[4 * d + 2]!, boxesXywh[4 * d + 3]!];
    if (a + c > width || b + e > height) {
      outside++;
      if (first < 0) first = d;
    }
    if (c >= a && e >= b && c <= width && e <= height) fitting++;
  }
  if (outside < leastShareOutside * count || fitting < leastShareFitting * count) return undefined;
  const image = imageIndex[first]!;
  return { row: first, share: outside / count, width: imageSizes[2 * image]!, height: imageSizes[2 * image + 1]! };
}
