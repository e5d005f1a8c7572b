import { areaRanges, iouThresholds, maxDetections } from './coco-grid.js';
import type { CocoDetections, CocoGroundTruth } from './coco-tables.js';
import { groupRows, orderByDescendingScore } from './sort.js';

/**
 * Shapes in this module, for one category: N detections kept (the best 100 of each image), T IoU thresholds, A area ranges.
 * "Slot" is the position of a kept detection: images in order, inside an image by descending score.
 */

const T = iouThresholds.length;
const A = areaRanges.length;
const perImageLimit = maxDetections[2];

/** What a category's detections turned out to be. */
export interface CategoryMatches {
  /** [N] slots by descending score over all images. */
  readonly order: Int32Array;
  /** [N] score of each slot. */
  readonly scores: Float64Array;
  /** [N] 0-based rank of each slot within its image. */
  readonly ranks: Int32Array;
  /** [A * N] bit t is set when the detection has a ground truth at threshold t. */
  readonly matched: Uint16Array;
  /** [A * N] bit t is set when the detection counts neither way at threshold t. */
  readonly ignored: Uint16Array;
  /** [A] ground truths that count. */
  readonly groundTruthCounts: Int32Array;
}

/**
 * Matches one category's detections to its ground truths in every image, as pycocotools' evaluateImg does.
 * @param gtRows rows of the ground truth of this category, in file order
 * @param dtRows rows of the detections of this category, in file order
 */
export function matchCategory(
  groundTruth: CocoGroundTruth,
  detections: CocoDetections,
  gtRows: Int32Array,
  dtRows: Int32Array,
): CategoryMatches {
  const imageCount = groundTruth.imageIds.length;
  const gt = groupRows(groundTruth.imageIndex, imageCount, gtRows);
  const kept = keepBestPerImage(detections, dtRows, imageCount);
  const count = kept.rows.length;
  const matched = new Uint16Array(A * count);
  const ignored = new Uint16Array(A * count);
  const groundTruthCounts = new Int32Array(A);
  const gtIgnored = flagIgnored(groundTruth, gt.rows, groundTruthCounts);
  const scratch = new ImageScratch();
  for (let image = 0; image < imageCount; image++) {
    const dtStart = kept.starts[image]!;
    const dtEnd = kept.starts[image + 1]!;
    if (dtStart === dtEnd) continue;
    scratch.collect(
      groundTruth,
      detections,
      gt.rows,
      gt.starts[image]!,
      gt.starts[image + 1]!,
      kept.rows,
      dtStart,
      dtEnd,
    );
    for (let a = 0; a < A; a++) matchImage(a);
  }

  function matchImage(a: number): void {
    const { min, max } = areaRanges[a]!;
    const dtStart = scratch.dtStart;
    for (let slot = dtStart; slot < scratch.dtEnd; slot++) {
      const box = kept.rows[slot]! * 4;
      const area = detections.boxesXywh[box + 2]! * detections.boxesXywh[box + 3]!;
      // An unmatched detection outside the range is ignored; matching below clears the bit where it finds a partner.
      ignored[a * count + slot] = area < min || area > max ? (1 << T) - 1 : 0;
    }
    for (let t = 0; t < T; t++) {
      scratch.taken.fill(0, 0, scratch.gtEnd - scratch.gtStart);
      for (let slot = dtStart; slot < scratch.dtEnd; slot++) {
        const g = scratch.findPartner(slot, iouThresholds[t]!, gtIgnored, a);
        if (g < 0) continue;
        scratch.taken[g - scratch.gtStart] = 1;
        const at = a * count + slot;
        matched[at]! |= 1 << t;
        if (gtIgnored[g]! & (1 << a)) ignored[at]! |= 1 << t;
        else ignored[at]! &= ~(1 << t);
      }
    }
  }
  const { order, scores, ranks } = kept;
  return { order, scores, ranks, matched, ignored, groundTruthCounts };
}

/** [G] bit a is set when the ground truth counts neither way in area range a: crowds, and areas outside the range. */
function flagIgnored(groundTruth: CocoGroundTruth, gtRows: Int32Array, counts: Int32Array): Uint8Array {
  const flags = new Uint8Array(gtRows.length);
  for (let g = 0; g < gtRows.length; g++) {
    const row = gtRows[g]!;
    const area = groundTruth.areas[row]!;
    for (let a = 0; a < A; a++) {
      const { min, max } = areaRanges[a]!;
      if (groundTruth.isCrowd[row] || area < min || area > max) flags[g]! |= 1 << a;
      else counts[a]!++;
    }
  }
  return flags;
}

/** Sorts by score once for the category; that order also ranks the detections inside each image. */
function keepBestPerImage(detections: CocoDetections, dtRows: Int32Array, imageCount: number) {
  // Grouped by image first, so that equal scores of different images come in image order, as pycocotools concatenates them.
  const byImage = groupRows(detections.imageIndex, imageCount, dtRows);
  const sorted = orderByDescendingScore(Float64Array.from(byImage.rows, (row) => detections.scores[row]!));
  const starts = new Int32Array(imageCount + 1);
  for (let i = 0; i < imageCount; i++)
    starts[i + 1] = starts[i]! + Math.min(perImageLimit, byImage.starts[i + 1]! - byImage.starts[i]!);
  const count = starts[imageCount]!;
  const rows = new Int32Array(count);
  const order = new Int32Array(count);
  const scores = new Float64Array(count);
  const ranks = new Int32Array(count);
  const filled = new Int32Array(imageCount);
  let n = 0;
  for (let i = 0; i < sorted.length; i++) {
    const row = byImage.rows[sorted[i]!]!;
    const image = detections.imageIndex[row]!;
    const rank = filled[image]!++;
    if (rank >= perImageLimit) continue;
    const slot = starts[image]! + rank;
    rows[slot] = row;
    scores[slot] = detections.scores[row]!;
    ranks[slot] = rank;
    order[n++] = slot;
  }
  return { starts, rows, order, scores, ranks };
}

/** Candidate pairs of one image: those whose IoU reaches the lowest threshold. Reused from image to image. */
class ImageScratch {
  gtStart = 0;
  gtEnd = 0;
  dtStart = 0;
  dtEnd = 0;
  /** [gtEnd - gtStart] 1 when an earlier detection holds it; a crowd is never held. */
  taken = new Uint8Array(64);
  private crowd = new Uint8Array(64);
  private pairStarts = new Int32Array(perImageLimit + 1);
  private pairGt = new Int32Array(256);
  private pairIou = new Float64Array(256);

  collect(
    groundTruth: CocoGroundTruth,
    detections: CocoDetections,
    gtRows: Int32Array,
    gtStart: number,
    gtEnd: number,
    dtRows: Int32Array,
    dtStart: number,
    dtEnd: number,
  ): void {
    Object.assign(this, { gtStart, gtEnd, dtStart, dtEnd });
    const gtCount = gtEnd - gtStart;
    this.reserve(gtCount, gtCount * (dtEnd - dtStart));
    for (let i = 0; i < gtCount; i++) this.crowd[i] = groundTruth.isCrowd[gtRows[gtStart + i]!]!;
    const lowest = Math.min(iouThresholds[0]!, 1 - 1e-10);
    let pairs = 0;
    for (let slot = dtStart; slot < dtEnd; slot++) {
      this.pairStarts[slot - dtStart] = pairs;
      const d = dtRows[slot]! * 4;
      for (let i = 0; i < gtCount; i++) {
        const iou = boxIou(
          detections.boxesXywh,
          d,
          groundTruth.boxesXywh,
          gtRows[gtStart + i]! * 4,
          this.crowd[i] === 1,
        );
        if (!(iou >= lowest)) continue;
        this.pairGt[pairs] = gtStart + i;
        this.pairIou[pairs++] = iou;
      }
    }
    this.pairStarts[dtEnd - dtStart] = pairs;
  }

  /**
   * The ground truth that a detection takes: the best free one that counts, the later of equals; only if there is none,
   * the best that is ignored. @returns its position or -1
   */
  findPartner(slot: number, threshold: number, gtIgnored: Uint8Array, a: number): number {
    const first = this.pairStarts[slot - this.dtStart]!;
    const end = this.pairStarts[slot - this.dtStart + 1]!;
    const bit = 1 << a;
    let partner = -1;
    for (let ignoredPass = 0; ignoredPass < 2 && partner < 0; ignoredPass++) {
      let best = Math.min(threshold, 1 - 1e-10);
      for (let p = first; p < end; p++) {
        const g = this.pairGt[p]!;
        const iou = this.pairIou[p]!;
        if ((gtIgnored[g]! & bit ? 1 : 0) !== ignoredPass || iou < best) continue;
        if (this.taken[g - this.gtStart] && !this.crowd[g - this.gtStart]) continue;
        best = iou;
        partner = g;
      }
    }
    return partner;
  }

  private reserve(gtCount: number, pairCount: number): void {
    if (this.taken.length < gtCount) {
      this.taken = new Uint8Array(gtCount * 2);
      this.crowd = new Uint8Array(gtCount * 2);
    }
    if (this.pairGt.length < pairCount) {
      this.pairGt = new Int32Array(pairCount * 2);
      this.pairIou = new Float64Array(pairCount * 2);
    }
  }
}

/** IoU of two xywh boxes, no +1; against a crowd the union is the detection's own area. Source: pycocotools maskApi.c, bbIou. */
export function boxIou(dt: Float64Array, d: number, gt: Float64Array, g: number, isCrowd: boolean): number {
  const width = Math.min(dt[d + 2]! + dt[d]!, gt[g + 2]! + gt[g]!) - Math.max(dt[d]!, gt[g]!);
  if (width <= 0) return 0;
  const height = Math.min(dt[d + 3]! + dt[d + 1]!, gt[g + 3]! + gt[g + 1]!) - Math.max(dt[d + 1]!, gt[g + 1]!);
  if (height <= 0) return 0;
  const intersection = width * height;
  const dtArea = dt[d + 2]! * dt[d + 3]!;
  return intersection / (isCrowd ? dtArea : dtArea + gt[g + 2]! * gt[g + 3]! - intersection);
}
