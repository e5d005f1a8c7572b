import type { CocoDetections, CocoGroundTruth } from '../../eval/coco-tables.js';
import { type BoxMatches, ignored } from './match-boxes.js';

/** A part is one image; it is NotOK when it has ground truth, and called NotOK when it has a detection from the threshold on. */

/** What a line would see at one score threshold. Shares are 0..1, null where the denominator is 0. */
export interface OperatingPoint {
  readonly scoreThreshold: number;
  /** Defects found, by boxes at the IoU of the matching. */
  readonly found: number;
  readonly missed: number;
  readonly falseCalls: number;
  readonly recall: number | null;
  readonly precision: number | null;
  readonly missedPer100Parts: number;
  readonly falseCallsPer100Parts: number;
  /** NotOK parts called OK. */
  readonly escapes: number;
  /** OK parts called NotOK. */
  readonly overkills: number;
  /** Of the NotOK parts. */
  readonly escapeRate: number | null;
  /** Of the OK parts; null when every part has a defect. */
  readonly overkillRate: number | null;
}

export interface OperatingPoints {
  readonly points: readonly OperatingPoint[];
  readonly parts: number;
  readonly notOkParts: number;
  readonly okParts: number;
  readonly defects: number;
}

/** 0.05, 0.10 ... 0.95 and, in its place, the given one. */
export function thresholdGrid(scoreThreshold: number): number[] {
  const grid = Array.from({ length: 19 }, (_, i) => (i + 1) / 20);
  return [...new Set([...grid, scoreThreshold])].sort((a, b) => a - b);
}

/** Counts at each threshold from one matching, which holds for all of them. */
export function operatingPoints(
  gt: CocoGroundTruth,
  dt: CocoDetections,
  matches: BoxMatches,
  thresholds: readonly number[],
): OperatingPoints {
  const parts = gt.imageIds.length;
  const isNotOk = new Uint8Array(parts);
  for (const image of gt.imageIndex) isNotOk[image] = 1;
  const bestScore = new Float64Array(parts).fill(Number.NEGATIVE_INFINITY);
  // A detection in a crowd counts neither way as a box, yet it does reject the part.
  for (let d = 0; d < dt.scores.length; d++) {
    const image = dt.imageIndex[d]!;
    bestScore[image] = Math.max(bestScore[image]!, dt.scores[d]!);
  }
  const notOkParts = isNotOk.reduce((a, b) => a + b, 0);
  const okParts = parts - notOkParts;
  const defects = gt.isCrowd.reduce((n, crowd) => n + (crowd ? 0 : 1), 0);
  const points = thresholds.map((scoreThreshold): OperatingPoint => {
    let found = 0;
    let falseCalls = 0;
    for (let d = 0; d < dt.scores.length; d++) {
      if (dt.scores[d]! < scoreThreshold || matches.gtOfDetection[d] === ignored) continue;
      if (matches.gtOfDetection[d]! >= 0) found++;
      else falseCalls++;
    }
    let escapes = 0;
    let overkills = 0;
    for (let image = 0; image < parts; image++) {
      const isCalledNotOk = bestScore[image]! >= scoreThreshold;
      if (isNotOk[image] && !isCalledNotOk) escapes++;
      if (!isNotOk[image] && isCalledNotOk) overkills++;
    }
    const missed = defects - found;
    return {
      scoreThreshold,
      found,
      missed,
      falseCalls,
      recall: share(found, defects),
      precision: share(found, found + falseCalls),
      missedPer100Parts: parts > 0 ? (100 * missed) / parts : 0,
      falseCallsPer100Parts: parts > 0 ? (100 * falseCalls) / parts : 0,
      escapes,
      overkills,
      escapeRate: share(escapes, notOkParts),
      overkillRate: share(overkills, okParts),
    };
  });
  return { points, parts, notOkParts, okParts, defects };
}

/** The point of the highest F1 = 2 P R / (P + R); the lower threshold of equals; null without a correct detection. */
export function bestF1({ points }: OperatingPoints): { point: OperatingPoint; f1: number } | null {
  let best: { point: OperatingPoint; f1: number } | null = null;
  for (const point of points) {
    const { precision, recall } = point;
    if (!precision || !recall) continue;
    const f1 = (2 * precision * recall) / (precision + recall);
    if (!best || f1 > best.f1) best = { point, f1 };
  }
  return best;
}

function share(part: number, whole: number): number | null {
  return whole > 0 ? part / whole : null;
}
