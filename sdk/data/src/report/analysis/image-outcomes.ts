import type { CocoDetections, CocoGroundTruth } from '../../eval/coco-tables.js';
import { type BoxMatches, ignored } from './match-boxes.js';

/** Mistakes on one image at a score threshold. */
export interface ImageOutcome {
  readonly missed: number;
  readonly falseCalls: number;
  /** Row of the first missed ground truth, else null. */
  readonly firstMiss: number | null;
  /** Row of the false call of the highest score, else null. */
  readonly worstFalseCall: number | null;
}

/** [I] what went wrong on each image; nothing missed and no false call means that the model is right on it. */
export function imageOutcomes(
  gt: CocoGroundTruth,
  dt: CocoDetections,
  matches: BoxMatches,
  scoreThreshold: number,
): ImageOutcome[] {
  const outcomes = Array.from(gt.imageIds, () => ({
    missed: 0,
    falseCalls: 0,
    firstMiss: null as number | null,
    worstFalseCall: null as number | null,
  }));
  for (let g = 0; g < gt.isCrowd.length; g++) {
    const d = matches.detectionOfGt[g]!;
    if (d === ignored || (d >= 0 && dt.scores[d]! >= scoreThreshold)) continue;
    const outcome = outcomes[gt.imageIndex[g]!]!;
    outcome.missed++;
    outcome.firstMiss ??= g;
  }
  for (let d = 0; d < dt.scores.length; d++) {
    if (dt.scores[d]! < scoreThreshold || matches.gtOfDetection[d] !== -1) continue;
    const outcome = outcomes[dt.imageIndex[d]!]!;
    outcome.falseCalls++;
    if (outcome.worstFalseCall === null || dt.scores[d]! > dt.scores[outcome.worstFalseCall]!)
      outcome.worstFalseCall = d;
  }
  return outcomes;
}

/** Images on which the first is right and the second wrong, most mistakes first. */
export function onlyFirstRight(first: readonly ImageOutcome[], second: readonly ImageOutcome[]): number[] {
  const mistakes = ({ missed, falseCalls }: ImageOutcome) => missed + falseCalls;
  return [...first.keys()]
    .filter((image) => mistakes(first[image]!) === 0 && mistakes(second[image]!) > 0)
    .sort((a, b) => mistakes(second[b]!) - mistakes(second[a]!) || a - b);
}
