import type { CocoGrid } from './coco-grid.js';
import type { CocoDetections, CocoGroundTruth } from './coco-tables.js';
import { groupRows, orderByDescendingScore } from './sort.js';

/**
 * Shapes in this module, for one category: N detections kept (the best of each image up to the largest limit), T IoU
 * thresholds, A area ranges. "Slot" is the position of a kept detection: images in order, inside an image by descending
 * score.
 */

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

/** No IoU reaches more: pycocotools starts its search there. */
const highestThreshold = 1 - 1e-10;

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
  grid: CocoGrid,
): CategoryMatches {
  const { areaRanges, iouThresholds } = grid;
  const [A, T] = [areaRanges.length, iouThresholds.length];
  const imageCount = groundTruth.imageIds.length;
  const gt = groupRows(groundTruth.imageIndex, imageCount, gtRows);
  const kept = keepBestPerImage(detections, dtRows, imageCount, grid.maxDetections.at(-1)!);
  const count = kept.rows.length;
  const matched = new Uint16Array(A * count);
  const ignored = new Uint16Array(A * count);
  ignoreOtherAreas(detections, kept.rows, grid, ignored);
  const groundTruthCounts = new Int32Array(A);
  const gtIgnored = flagIgnored(groundTruth, gt.rows, grid, groundTruthCounts);
  const thresholds = iouThresholds.map((t) => Math.min(t, highestThreshold));
  const pairs = new ImagePairs(groundTruth, detections, gt.rows, kept.rows, Math.min(...thresholds));
  for (let image = 0; image < imageCount; image++) {
    const [gtStart, gtEnd] = [gt.starts[image]!, gt.starts[image + 1]!];
    if (gtStart === gtEnd) continue;
    pairs.collect(gtStart, gtEnd, kept.starts[image]!, kept.starts[image + 1]!);
    if (pairs.slotCount === 0) continue;
    for (let a = 0; a < A; a++) {
      for (let t = 0; t < T; t++) {
        pairs.free();
        for (let i = 0; i < pairs.slotCount; i++) {
          const g = pairs.takePartner(i, thresholds[t]!, gtIgnored, 1 << a);
          if (g < 0) continue;
          const at = a * count + pairs.slots[i]!;
          matched[at]! |= 1 << t;
          if (gtIgnored[g]! & (1 << a)) ignored[at]! |= 1 << t;
          else ignored[at]! &= ~(1 << t);
        }
      }
    }
  }
  const { order, scores, ranks } = kept;
  return { order, scores, ranks, matched, ignored, groundTruthCounts };
}

/** An unmatched detection outside an area range is ignored there; matching clears the bit where it finds a partner. */
function ignoreOtherAreas(
  { boxesXywh }: CocoDetections,
  rows: Int32Array,
  { areaRanges, iouThresholds }: CocoGrid,
  ignored: Uint16Array,
): void {
  const every = (1 << iouThresholds.length) - 1;
  const count = rows.length;
  const areas = new Float64Array(count);
  for (let slot = 0; slot < count; slot++) {
    const at = 4 * rows[slot]!;
    areas[slot] = boxesXywh[at + 2]! * boxesXywh[at + 3]!;
  }
  for (let a = 0; a < areaRanges.length; a++) {
    const { min, max } = areaRanges[a]!;
    for (let slot = 0; slot < count; slot++) {
      if (areas[slot]! < min || areas[slot]! > max) ignored[a * count + slot] = every;
    }
  }
}

/** [G] bit a is set when the ground truth counts neither way in area range a: crowds, and areas outside the range. */
function flagIgnored(
  groundTruth: CocoGroundTruth,
  gtRows: Int32Array,
  { areaRanges }: CocoGrid,
  counts: Int32Array,
): Uint8Array {
  const flags = new Uint8Array(gtRows.length);
  for (let g = 0; g < gtRows.length; g++) {
    const row = gtRows[g]!;
    const area = groundTruth.areas[row]!;
    for (let a = 0; a < areaRanges.length; a++) {
      const { min, max } = areaRanges[a]!;
      if (groundTruth.isCrowd[row] || area < min || area > max) flags[g]! |= 1 << a;
      else counts[a]!++;
    }
  }
  return flags;
}

/** Sorts by score once for the category; that order also ranks the detections inside each image. */
function keepBestPerImage(detections: CocoDetections, dtRows: Int32Array, imageCount: number, perImageLimit: number) {
  // Grouped by image first, so that equal scores of different images come in image order, as pycocotools concatenates them.
  const byImage = groupRows(detections.imageIndex, imageCount, dtRows);
  const unsorted = new Float64Array(dtRows.length);
  for (let i = 0; i < unsorted.length; i++) unsorted[i] = detections.scores[byImage.rows[i]!]!;
  const sorted = orderByDescendingScore(unsorted);
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
class ImagePairs {
  /** Detections with a candidate, by descending score; the first `slotCount` are valid. */
  slots = new Int32Array(64);
  slotCount = 0;
  private starts = new Int32Array(65);
  private gt = new Int32Array(256);
  private iou = new Float64Array(256);
  private gtStart = 0;
  /** [gtCount] equals `round` when an earlier detection holds it; a crowd is never held. */
  private taken = new Int32Array(64);
  private round = 1;

  constructor(
    private readonly groundTruth: CocoGroundTruth,
    private readonly detections: CocoDetections,
    private readonly gtRows: Int32Array,
    private readonly dtRows: Int32Array,
    private readonly lowest: number,
  ) {}

  collect(gtStart: number, gtEnd: number, dtStart: number, dtEnd: number): void {
    this.gtStart = gtStart;
    this.reserve(gtEnd - gtStart, dtEnd - dtStart);
    this.free();
    const { gtRows, dtRows, lowest } = this;
    const { boxesXywh: gtBoxes, isCrowd } = this.groundTruth;
    const dtBoxes = this.detections.boxesXywh;
    let pairs = 0;
    this.slotCount = 0;
    for (let slot = dtStart; slot < dtEnd; slot++) {
      const d = 4 * dtRows[slot]!;
      const before = pairs;
      for (let g = gtStart; g < gtEnd; g++) {
        const row = gtRows[g]!;
        const iou = boxIou(dtBoxes, d, gtBoxes, 4 * row, isCrowd[row] === 1);
        if (!(iou >= lowest)) continue;
        this.gt[pairs] = g;
        this.iou[pairs++] = iou;
      }
      if (pairs === before) continue;
      this.slots[this.slotCount] = slot;
      this.starts[this.slotCount++] = before;
    }
    this.starts[this.slotCount] = pairs;
  }

  /** Forgets what was taken. */
  free(): void {
    this.round++;
  }

  /**
   * The ground truth that detection i takes: the best free one that counts, the later of equals; only if there is none, the
   * best that is ignored. @returns its position or -1
   */
  takePartner(i: number, threshold: number, gtIgnored: Uint8Array, areaBit: number): number {
    const [first, end] = [this.starts[i]!, this.starts[i + 1]!];
    for (let wanted = 0; wanted <= areaBit; wanted += areaBit) {
      let best = threshold;
      let partner = -1;
      for (let p = first; p < end; p++) {
        const g = this.gt[p]!;
        const iou = this.iou[p]!;
        if (iou < best || (gtIgnored[g]! & areaBit) !== wanted) continue;
        if (this.taken[g - this.gtStart] === this.round && !this.groundTruth.isCrowd[this.gtRows[g]!]) continue;
        best = iou;
        partner = g;
      }
      if (partner < 0) continue;
      this.taken[partner - this.gtStart] = this.round;
      return partner;
    }
    return -1;
  }

  private reserve(gtCount: number, dtCount: number): void {
    if (this.taken.length < gtCount) this.taken = new Int32Array(2 * gtCount);
    if (this.slots.length < dtCount) {
      this.slots = new Int32Array(2 * dtCount);
      this.starts = new Int32Array(2 * dtCount + 1);
    }
    if (this.gt.length < gtCount * dtCount) {
      this.gt = new Int32Array(2 * gtCount * dtCount);
      this.iou = new Float64Array(2 * gtCount * dtCount);
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
