/** Shapes in this module: K classes, D detections that reach the score threshold, G ground truths. */
import { areaAp, meanOf, precisionRecall } from './average-precision.js';
import { type CocoDetections, type CocoGroundTruth, keepDetections } from './coco-tables.js';
import { vocIou } from './evaluate-voc.js';
import { groupRows, orderByDescendingScore } from './sort.js';

/**
 * How the DeepPCB repository measures: `readme` is its README's sentence taken literally (same class, by descending score,
 * best free ground truth, mean over classes), `script` what its evaluation/script.py computes at revision 08e98c4 (pairs in
 * file order whatever the class, one AP over all classes, corners cut to whole px).
 */
export type DeepPcbReading = 'readme' | 'script';

export interface DeepPcbEvaluation {
  /** Mean over the classes (`readme`), or over all detections together (`script`). */
  readonly mAP: number;
  readonly precision: number;
  readonly recall: number;
  readonly fScore: number;
  /** AP of each class, null without ground truth; `script` has none. */
  readonly perClass: readonly (number | null)[];
}

const iouThreshold = 0.33;

/**
 * Both figures of DeepPCB at one score threshold: precision, recall and F-score are over everything that reaches it.
 * @param minScore detections below it do not exist
 * Source: decoupled-rcnn specification section 8.3.
 */
export function evaluateDeepPcb(
  groundTruth: CocoGroundTruth,
  detections: CocoDetections,
  { reading, minScore = 0 }: { reading: DeepPcbReading; minScore?: number },
): DeepPcbEvaluation {
  const kept = keepDetections(detections, (row) => detections.scores[row]! >= minScore);
  return reading === 'readme' ? readmeFigures(groundTruth, kept) : scriptFigures(groundTruth, kept);
}

/** Threshold of the highest F-score among the scores 0, 0.01 ... 0.99, the lowest of equals, and the figures there. */
export function bestDeepPcbThreshold(
  groundTruth: CocoGroundTruth,
  detections: CocoDetections,
  reading: DeepPcbReading,
): { threshold: number; at: DeepPcbEvaluation } {
  let best: { threshold: number; at: DeepPcbEvaluation } | undefined;
  for (let percent = 0; percent < 100; percent++) {
    const threshold = percent / 100;
    const at = evaluateDeepPcb(groundTruth, detections, { reading, minScore: threshold });
    if (!best || at.fScore > best.at.fScore) best = { threshold, at };
  }
  return best!;
}

function readmeFigures(groundTruth: CocoGroundTruth, detections: CocoDetections): DeepPcbEvaluation {
  const K = groundTruth.categories.length;
  const images = groundTruth.imageIds.length;
  const gtOf = groupRows(groundTruth.categoryIndex, K);
  const dtOf = groupRows(detections.categoryIndex, K);
  let correctOfAll = 0;
  const perClass = Array.from({ length: K }, (_, k): number | null => {
    const gtRows = gtOf.rows.subarray(gtOf.starts[k], gtOf.starts[k + 1]);
    const dtRows = dtOf.rows.subarray(dtOf.starts[k], dtOf.starts[k + 1]);
    const ofImage = groupRows(groundTruth.imageIndex, images, gtRows);
    const isTaken = new Uint8Array(groundTruth.imageIndex.length);
    const order = orderByDescendingScore(Float64Array.from(dtRows, (row) => detections.scores[row]!));
    const isCorrect = Uint8Array.from(order, (i) => {
      const row = dtRows[i]!;
      const image = detections.imageIndex[row]!;
      let best = iouThreshold;
      let partner = -1;
      for (let p = ofImage.starts[image]!; p < ofImage.starts[image + 1]!; p++) {
        const g = ofImage.rows[p]!;
        const overlap = vocIou(detections.boxesXywh, 4 * row, groundTruth.boxesXywh, 4 * g, 'mmdetection');
        if (isTaken[g] || overlap <= best) continue;
        best = overlap;
        partner = g;
      }
      if (partner >= 0) isTaken[partner] = 1;
      return partner >= 0 ? 1 : 0;
    });
    correctOfAll += isCorrect.reduce((sum, flag) => sum + flag, 0);
    return gtRows.length > 0 ? areaAp(precisionRecall(isCorrect, gtRows.length)) : null;
  });
  const aps = perClass.flatMap((ap) => ap ?? []);
  const counts = countFigures(correctOfAll, detections.scores.length, groundTruth.imageIndex.length);
  return { mAP: aps.length > 0 ? meanOf(aps) : 0, ...counts, perClass };
}

function scriptFigures(groundTruth: CocoGroundTruth, detections: CocoDetections): DeepPcbEvaluation {
  const images = groundTruth.imageIds.length;
  const gtOf = groupRows(groundTruth.imageIndex, images);
  const dtOf = groupRows(detections.imageIndex, images);
  const [gtBoxes, dtBoxes] = [wholeCorners(groundTruth.boxesXywh), wholeCorners(detections.boxesXywh)];
  const isUsed = new Uint8Array(detections.scores.length);
  const isCorrect = new Uint8Array(detections.scores.length);
  for (let image = 0; image < images; image++) {
    for (let i = gtOf.starts[image]!; i < gtOf.starts[image + 1]!; i++) {
      const g = gtOf.rows[i]!;
      for (let j = dtOf.starts[image]!; j < dtOf.starts[image + 1]!; j++) {
        const d = dtOf.rows[j]!;
        if (isUsed[d] || !(vocIou(gtBoxes, 4 * g, dtBoxes, 4 * d, 'mmdetection') > iouThreshold)) continue;
        isUsed[d] = 1;
        isCorrect[d] = groundTruth.categoryIndex[g] === detections.categoryIndex[d] ? 1 : 0;
        break;
      }
    }
  }
  const inImageOrder = dtOf.rows;
  const order = orderByDescendingScore(Float64Array.from(inImageOrder, (row) => detections.scores[row]!));
  let correct = 0;
  let sum = 0;
  order.forEach((position, rank) => {
    if (!isCorrect[inImageOrder[position]!]) return;
    correct++;
    sum += correct / (rank + 1);
  });
  const G = groundTruth.imageIndex.length;
  const perClass = groundTruth.categories.map(() => null);
  return { mAP: G > 0 ? sum / G : 0, ...countFigures(correct, detections.scores.length, G), perClass };
}

function countFigures(correct: number, submitted: number, positives: number) {
  const precision = submitted > 0 ? correct / submitted : 0;
  const recall = positives > 0 ? correct / positives : 0;
  const fScore = precision + recall > 0 ? (2 * precision * recall) / (precision + recall) : 0;
  return { precision, recall, fScore };
}

/** xywh of corners cut to whole px, as the script reads them with `int`. */
function wholeCorners(boxesXywh: Float64Array): Float64Array {
  const out = new Float64Array(boxesXywh.length);
  for (let i = 0; i < out.length; i += 4) {
    const [x, y, width, height] = boxesXywh.subarray(i, i + 4) as unknown as [number, number, number, number];
    const [x1, y1] = [Math.trunc(x), Math.trunc(y)];
    out.set([x1, y1, Math.trunc(x + width) - x1, Math.trunc(y + height) - y1], i);
  }
  return out;
}
