import type { CocoDetections } from '../../eval/coco-tables.js';
import type { BoxMatches } from './match-boxes.js';

/** How well the boxes that found a defect fit it. */
export interface LocalisationHistogram {
  /** Ten ranges of IoU, 0.50..0.55 up to 0.95..1, the last with 1. */
  readonly bins: readonly { readonly low: number; readonly high: number; readonly count: number }[];
  readonly count: number;
  /** null without a match. */
  readonly medianIou: number | null;
  readonly meanIou: number | null;
}

/** IoU of the matched detections from `scoreThreshold` on. @param matches at IoU 0.5 */
export function localisationHistogram(
  dt: CocoDetections,
  matches: BoxMatches,
  scoreThreshold: number,
): LocalisationHistogram {
  const ious = matches.iouOfDetection
    .filter((_, d) => matches.gtOfDetection[d]! >= 0 && dt.scores[d]! >= scoreThreshold)
    .sort();
  const bins = Array.from({ length: 10 }, (_, i) => ({ low: (50 + 5 * i) / 100, high: (55 + 5 * i) / 100, count: 0 }));
  for (const iou of ious) {
    // 1e-9: 0.55 computed from boxes may be 0.5499999999999999.
    bins[Math.max(0, Math.min(9, Math.floor((iou - 0.5) / 0.05 + 1e-9)))]!.count++;
  }
  const count = ious.length;
  if (count === 0) return { bins, count, medianIou: null, meanIou: null };
  const medianIou = (ious[(count - 1) >> 1]! + ious[count >> 1]!) / 2;
  return { bins, count, medianIou, meanIou: ious.reduce((a, b) => a + b, 0) / count };
}
