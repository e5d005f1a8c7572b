import { iouThresholds, recallThresholds } from '../../eval/coco-grid.js';
import { averagePrecision, type CocoEvaluation } from '../../eval/evaluate-coco.js';

/** Shapes in this module: T = 10 IoU thresholds 0.50..0.95, R = 101 recalls 0..1, K categories; area `all`, 100 detections. */

/** One precision-recall curve. */
export interface PrecisionRecallCurve {
  /** null for the mean over the categories that have ground truth. */
  readonly categoryIndex: number | null;
  readonly iouIndex: number;
  /** 0..1, or -1 where the category has no ground truth. */
  readonly ap: number;
  /** [R] best precision at that recall or a higher one; empty where there is no ground truth. */
  readonly precision: Float64Array;
}

/** Curves of the mean and of every category, by IoU: 10 * (K + 1) of them, the mean first. */
export function precisionRecallCurves(evaluation: CocoEvaluation): PrecisionRecallCurve[] {
  const K = evaluation.categories.length;
  const withTruth = Array.from({ length: K }, (_, k) => k).filter((k) => precisionAt(evaluation, 0, 0, k) > -1);
  const curves: PrecisionRecallCurve[] = [];
  for (const categoryIndex of [null, ...Array.from({ length: K }, (_, k) => k)]) {
    const categories = withTruth.filter((k) => categoryIndex === null || k === categoryIndex);
    for (let iouIndex = 0; iouIndex < iouThresholds.length; iouIndex++) {
      const slice = categoryIndex === null ? { iouIndex } : { iouIndex, categoryIndex };
      const precision = new Float64Array(categories.length > 0 ? recallThresholds.length : 0);
      for (let r = 0; r < precision.length; r++) {
        for (const k of categories) precision[r]! += precisionAt(evaluation, iouIndex, r, k) / categories.length;
      }
      curves.push({ categoryIndex, iouIndex, ap: averagePrecision(evaluation, slice), precision });
    }
  }
  return curves;
}

/** Reads [T, R, K, A = 4, M = 3] at area `all` and 100 detections. */
function precisionAt({ precision, categories }: CocoEvaluation, t: number, r: number, k: number): number {
  return precision[((t * recallThresholds.length + r) * categories.length + k) * 4 * 3 + 2]!;
}
