import type { CocoDetections } from '../../eval/coco-tables.js';
import { type BoxMatches, ignored } from './match-boxes.js';

/** Detections of one range of scores. */
export interface CalibrationBin {
  /** Scores from `low` up to, not including, `high`; the last bin includes 1. */
  readonly low: number;
  readonly high: number;
  readonly count: number;
  /** Mean score, 0..1; null in an empty bin. */
  readonly meanScore: number | null;
  /** Share that found a ground truth, 0..1; null in an empty bin. */
  readonly precision: number | null;
}

export interface Calibration {
  readonly bins: readonly CalibrationBin[];
  /** Mean of |precision - mean score| over the bins, weighted by their counts, 0..1; null without detections. */
  readonly expectedCalibrationError: number | null;
  readonly count: number;
}

/**
 * How far a score can be read as the probability that the detection is right. Detections in a crowd are left out.
 * @param binCount equal ranges of 0..1; a score outside 0..1 falls into the first or last
 * Source: Guo et al., On Calibration of Modern Neural Networks (arXiv:1706.04599), eq. 3.
 */
export function calibrate(dt: CocoDetections, matches: BoxMatches, binCount = 10): Calibration {
  const counts = new Int32Array(binCount);
  const correct = new Int32Array(binCount);
  const scoreSums = new Float64Array(binCount);
  for (let d = 0; d < dt.scores.length; d++) {
    if (matches.gtOfDetection[d] === ignored) continue;
    const score = dt.scores[d]!;
    const bin = Math.max(0, Math.min(binCount - 1, Math.floor(score * binCount)));
    counts[bin]!++;
    scoreSums[bin]! += score;
    if (matches.gtOfDetection[d]! >= 0) correct[bin]!++;
  }
  const count = counts.reduce((a, b) => a + b, 0);
  let gap = 0;
  const bins = Array.from(counts, (n, i): CalibrationBin => {
    const range = { low: i / binCount, high: (i + 1) / binCount, count: n };
    if (n === 0) return { ...range, meanScore: null, precision: null };
    gap += Math.abs(correct[i]! - scoreSums[i]!);
    return { ...range, meanScore: scoreSums[i]! / n, precision: correct[i]! / n };
  });
  return { bins, count, expectedCalibrationError: count > 0 ? gap / count : null };
}
