import type { CocoDetections, CocoGroundTruth } from '../../eval/coco-tables.js';
import type { BoxMatches } from './match-boxes.js';
import { wilsonInterval } from './wilson.js';

/** Limits of the size ranges, px of box side = sqrt(width * height). 32 and 96 are COCO's. */
export const sideLimitsPx = [0, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, Number.POSITIVE_INFINITY] as const;

/** Ground truths of one range of box sides. */
export interface SizeRange {
  /** From `lowPx` up to, not including, `highPx`, which may be Infinity. */
  readonly lowPx: number;
  readonly highPx: number;
  readonly count: number;
  readonly found: number;
  /** 0..1, null for an empty range. */
  readonly recall: number | null;
  /** 95 % Wilson interval of the recall. */
  readonly interval: { readonly low: number; readonly high: number } | null;
}

/** Recall by the box side of the ground truth; empty ranges at both ends are left out. */
export function recallBySize(
  gt: CocoGroundTruth,
  dt: CocoDetections,
  matches: BoxMatches,
  scoreThreshold: number,
): SizeRange[] {
  const ranges = sideLimitsPx.length - 1;
  const counts = new Int32Array(ranges);
  const found = new Int32Array(ranges);
  for (let g = 0; g < gt.isCrowd.length; g++) {
    if (gt.isCrowd[g]) continue;
    const sidePx = Math.sqrt(gt.boxesXywh[g * 4 + 2]! * gt.boxesXywh[g * 4 + 3]!);
    const range = sideLimitsPx.findLastIndex((low) => sidePx >= low);
    counts[range]!++;
    const d = matches.detectionOfGt[g]!;
    if (d >= 0 && dt.scores[d]! >= scoreThreshold) found[range]!++;
  }
  const first = counts.findIndex((count) => count > 0);
  if (first < 0) return [];
  const rows = Array.from(counts, (count, i): SizeRange => {
    const recall = count > 0 ? found[i]! / count : null;
    const interval = wilsonInterval(found[i]!, count);
    return { lowPx: sideLimitsPx[i]!, highPx: sideLimitsPx[i + 1]!, count, found: found[i]!, recall, interval };
  });
  return rows.slice(first, counts.findLastIndex((count) => count > 0) + 1);
}
