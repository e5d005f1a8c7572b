import type { CocoDetections, CocoGroundTruth } from '../../eval/coco-tables.js';
import { boxIou } from '../../eval/match-coco.js';
import { detectionsByImage, groundTruthsByImage, ignored, unmatched } from './match-boxes.js';

/**
 * Shapes in this module: G annotations, D detections. t_f = foreground IoU 0.5, t_b = background IoU 0.1.
 * Source: TIDE (arXiv:2008.08115) section 2.2 for the types; where the paper leaves a boundary open (a detection of IoU
 * exactly t_f with a taken ground truth, the order of the tests) the reference implementation tidecv 1.0.1 decides.
 */

/** Error types in the order in which figures are listed. */
export const tideErrorTypes = ['classification', 'localisation', 'both', 'duplicate', 'background', 'missed'] as const;
export type TideErrorType = (typeof tideErrorTypes)[number];

const foregroundIou = 0.5;
const backgroundIou = 0.1;
/** Best detections of an image, over all classes, that are looked at: TIDE's own limit. */
const perImageLimit = 100;

/** What every detection and every ground truth turned out to be. */
export interface TideErrors {
  /** [D] row of the ground truth that it found, `unmatched` for an error, `ignored` in a crowd or beyond the limit. */
  readonly gtOfDetection: Int32Array;
  /** [D] index into `tideErrorTypes`, or -1 where the detection is no error. */
  readonly errorOfDetection: Int8Array;
  /** [D] row of the ground truth that a classification or localisation error is about, else -1. */
  readonly aimOfDetection: Int32Array;
  /** [G] 1 for a ground truth that no detection found. Crowds are 0. */
  readonly isFalseNegative: Uint8Array;
  /** [G] 1 where, beyond that, no classification or localisation error is about it. */
  readonly isMissed: Uint8Array;
}

/** Sorts every error of an evaluation into TIDE's six types. */
export function findTideErrors(gt: CocoGroundTruth, dt: CocoDetections): TideErrors {
  const D = dt.scores.length;
  const gtOfDetection = new Int32Array(D).fill(ignored);
  const errorOfDetection = new Int8Array(D).fill(-1);
  const aimOfDetection = new Int32Array(D).fill(unmatched);
  const found = new Uint8Array(gt.imageIndex.length);
  const isAimedAt = new Uint8Array(gt.imageIndex.length);
  const gtsOf = groundTruthsByImage(gt);
  const dtsOf = detectionsByImage(gt, dt);
  for (let image = 0; image < gt.imageIds.length; image++) {
    const gts = gtsOf.rows.subarray(gtsOf.starts[image], gtsOf.starts[image + 1]);
    const best = [...dtsOf.rows.subarray(dtsOf.starts[image], dtsOf.starts[image + 1])]
      .sort((a, b) => dt.scores[b]! - dt.scores[a]!)
      .slice(0, perImageLimit);
    for (const d of best) {
      const partner = findPartner(gt, dt, d, gts, found);
      gtOfDetection[d] = partner;
      if (partner >= 0) found[partner] = 1;
    }
    // All matches of the image must be known first: a duplicate is one of a ground truth found by ANY detection.
    for (const d of best) {
      if (gtOfDetection[d] !== unmatched) continue;
      const { type, aim } = classify(gt, dt, d, gts, found);
      errorOfDetection[d] = tideErrorTypes.indexOf(type);
      if (aim === undefined) continue;
      aimOfDetection[d] = aim;
      isAimedAt[aim] = 1;
    }
  }
  const isFalseNegative = Uint8Array.from(found, (isFound, g) => (isFound || gt.isCrowd[g] ? 0 : 1));
  const isMissed = isFalseNegative.map((missing, g) => (missing && !isAimedAt[g] ? 1 : 0));
  return { gtOfDetection, errorOfDetection, aimOfDetection, isFalseNegative, isMissed };
}

/** The free ground truth of the same class with the highest IoU from t_f on; `ignored` when only a crowd holds it. */
function findPartner(gt: CocoGroundTruth, dt: CocoDetections, d: number, gts: Int32Array, found: Uint8Array): number {
  let best = 0;
  let partner = unmatched;
  let isInCrowd = false;
  for (const g of gts) {
    if (gt.categoryIndex[g] !== dt.categoryIndex[d]) continue;
    const isCrowd = gt.isCrowd[g] === 1;
    const iou = boxIou(dt.boxesXywh, d * 4, gt.boxesXywh, g * 4, isCrowd);
    if (isCrowd) isInCrowd ||= iou > foregroundIou;
    else if (!found[g] && iou >= foregroundIou && iou > best) {
      best = iou;
      partner = g;
    }
  }
  return partner === unmatched && isInCrowd ? ignored : partner;
}

function classify(
  gt: CocoGroundTruth,
  dt: CocoDetections,
  d: number,
  gts: Int32Array,
  found: Uint8Array,
): { type: TideErrorType; aim?: number } {
  const sameClass = { iou: 0, g: unmatched };
  const otherClass = { iou: 0, g: unmatched };
  let foundSameClassIou = 0;
  for (const g of gts) {
    if (gt.isCrowd[g]) continue;
    const iou = boxIou(dt.boxesXywh, d * 4, gt.boxesXywh, g * 4, false);
    const isSame = gt.categoryIndex[g] === dt.categoryIndex[d];
    const nearest = isSame ? sameClass : otherClass;
    if (iou > nearest.iou) Object.assign(nearest, { iou, g });
    if (isSame && found[g]) foundSameClassIou = Math.max(foundSameClassIou, iou);
  }
  if (sameClass.iou >= backgroundIou && sameClass.iou <= foregroundIou)
    return { type: 'localisation', aim: sameClass.g };
  if (otherClass.iou >= foregroundIou) return { type: 'classification', aim: otherClass.g };
  if (foundSameClassIou >= foregroundIou) return { type: 'duplicate' };
  if (Math.max(sameClass.iou, otherClass.iou) <= backgroundIou) return { type: 'background' };
  return { type: 'both' };
}
