import type { CocoDetections, CocoGroundTruth } from '../../eval/coco-tables.js';
import { averagePrecisionOf } from './average-precision.js';
import { findTideErrors, type TideErrors, type TideErrorType, tideErrorTypes } from './tide-errors.js';

/** Shapes in this module: K categories, D detections. AP here is AP at IoU 0.5, 0..1, the mean over classes with ground truth. */

/** One row of the error analysis. */
export interface TideFigure {
  /** Detections of that type; for `missed`, ground truths. */
  readonly count: number;
  /** AP at IoU 0.5 gained if only these errors were fixed, 0..1. */
  readonly dAp: number;
}

/** AP lost to each type of error. The gains do not add up to 1 - AP: fixing one type changes what the others cost. */
export interface TideAnalysis {
  /** AP at IoU 0.5 as it is. */
  readonly ap50: number;
  readonly types: Readonly<Record<TideErrorType, TideFigure>>;
  /** Every false call: scored below all correct detections. */
  readonly falsePositives: TideFigure;
  /** Every ground truth that was not found: taken out of the count. */
  readonly falseNegatives: TideFigure;
  readonly errors: TideErrors;
}

/** A detection as an oracle leaves it; `null` takes it out. */
interface Point {
  category: number;
  score: number;
  isCorrect: boolean;
}

/**
 * TIDE's error types with the AP that fixing each would gain. Oracles: a classification or localisation error becomes
 * correct, for its ground truth's best-scored one if that is still unfound, else it is removed; both, duplicate and
 * background are removed; missed ground truths are taken out of the count.
 * Source: arXiv:2008.08115 section 2.3. A loss by an oracle, which only the 101 recalls can cause, counts as 0, as in tidecv.
 */
export function analyseTide(gt: CocoGroundTruth, dt: CocoDetections): TideAnalysis {
  const errors = findTideErrors(gt, dt);
  const positives = new Int32Array(gt.categories.length);
  for (let g = 0; g < gt.categoryIndex.length; g++) if (!gt.isCrowd[g]) positives[gt.categoryIndex[g]!]!++;
  const plain = (d: number): Point => ({
    category: dt.categoryIndex[d]!,
    score: dt.scores[d]!,
    isCorrect: errors.gtOfDetection[d]! >= 0,
  });
  const meanAp = (pointOf: (d: number) => Point | null, remaining: Int32Array = positives) =>
    meanOverClasses(points(errors, pointOf), positives, remaining);
  const ap50 = meanAp(plain);
  const best = bestAims(errors, dt);
  const types = Object.fromEntries(
    tideErrorTypes.map((type, index) => {
      if (type === 'missed') {
        const ap = meanAp(plain, without(positives, gt, errors.isMissed));
        return [type, { count: sum(errors.isMissed), dAp: Math.max(0, ap - ap50) }];
      }
      const ap = meanAp((d) => (errors.errorOfDetection[d] === index ? repair(d) : plain(d)));
      const count = errors.errorOfDetection.reduce((n, error) => n + (error === index ? 1 : 0), 0);
      return [type, { count, dAp: Math.max(0, ap - ap50) }];
    }),
  ) as Record<TideErrorType, TideFigure>;

  function repair(d: number): Point | null {
    const aim = errors.aimOfDetection[d]!;
    if (aim < 0 || !errors.isFalseNegative[aim] || best.get(aim) !== d) return null;
    return { category: gt.categoryIndex[aim]!, score: dt.scores[d]!, isCorrect: true };
  }

  const isWrong = (d: number) => errors.errorOfDetection[d]! >= 0;
  const falsePositives = {
    count: errors.errorOfDetection.reduce((n, error) => n + (error >= 0 ? 1 : 0), 0),
    dAp: meanAp((d) => ({ ...plain(d), score: isWrong(d) ? 0 : 1 })) - ap50,
  };
  const falseNegatives = {
    count: sum(errors.isFalseNegative),
    dAp: meanAp(plain, without(positives, gt, errors.isFalseNegative)) - ap50,
  };
  return { ap50, types, falsePositives, falseNegatives, errors };
}

/** For each ground truth that errors are about, the one of the highest score; the first in score order of equals. */
function bestAims(errors: TideErrors, dt: CocoDetections): Map<number, number> {
  const best = new Map<number, number>();
  errors.aimOfDetection.forEach((aim, d) => {
    if (aim < 0) return;
    const holder = best.get(aim);
    if (holder === undefined || dt.scores[d]! > dt.scores[holder]!) best.set(aim, d);
  });
  return best;
}

function points({ gtOfDetection }: TideErrors, pointOf: (d: number) => Point | null): Point[] {
  const list: Point[] = [];
  for (let d = 0; d < gtOfDetection.length; d++) {
    const point = gtOfDetection[d]! >= -1 ? pointOf(d) : null;
    if (point) list.push(point);
  }
  return list;
}

/** Mean over the classes that had ground truth; one with nothing left, neither truth nor detection, is left out. */
function meanOverClasses(list: readonly Point[], positives: Int32Array, remaining: Int32Array): number {
  let total = 0;
  let classes = 0;
  for (let k = 0; k < positives.length; k++) {
    const own = list.filter((point) => point.category === k);
    if (positives[k] === 0 || (remaining[k] === 0 && own.length === 0)) continue;
    classes++;
    if (remaining[k] === 0) continue;
    const scores = Float64Array.from(own, (point) => point.score);
    const isCorrect = Uint8Array.from(own, (point) => (point.isCorrect ? 1 : 0));
    total += averagePrecisionOf(scores, isCorrect, remaining[k]!);
  }
  return classes > 0 ? total / classes : 0;
}

function without(positives: Int32Array, gt: CocoGroundTruth, flags: Uint8Array): Int32Array {
  const left = positives.slice();
  flags.forEach((flag, g) => {
    if (flag) left[gt.categoryIndex[g]!]!--;
  });
  return left;
}

const sum = (flags: Uint8Array) => flags.reduce((total, flag) => total + flag, 0);
