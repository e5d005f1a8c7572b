/** Shapes in this module: K classes, T IoU thresholds; of one class N detections. */
import { areaAp, elevenPointAp, meanOf, precisionRecall } from './average-precision.js';
import type { CocoDetections, CocoGroundTruth } from './coco-tables.js';
import { groupRows, orderByDescendingScore } from './sort.js';

/** How boxes are compared and AP is read off the curve. */
export interface VocRules {
  /** `area` under the envelope (VOC 2010 on), or the mean of `elevenPoint` (VOC 2007). */
  readonly ap: 'elevenPoint' | 'area';
  /** devkit: sides are x2 - x1 + 1 and the IoU must exceed the threshold; mmdetection: x2 - x1, and it may equal it. */
  readonly boxes: 'devkit' | 'mmdetection';
}

/** One class at one threshold. */
export interface VocClassResult {
  readonly categoryIndex: number;
  /** Ground truths that are not difficult. */
  readonly positives: number;
  readonly truePositives: number;
  readonly falsePositives: number;
  /** null without a ground truth that counts. */
  readonly ap: number | null;
}

export interface VocEvaluation {
  /** 0.5, 0.55 ... 0.95, the decimals (0.9, not 0.8999...). */
  readonly iouThresholds: readonly number[];
  /** [T][K] */
  readonly classes: readonly (readonly VocClassResult[])[];
  /** [T] mean over the classes that have ground truth; null when none has. */
  readonly meanAp: readonly (number | null)[];
}

const iouThresholds = Array.from({ length: 10 }, (_, i) => Math.round(50 + 5 * i) / 100);

/**
 * VOC's AP at ten IoU thresholds. A detection looks only at its best ground truth, difficult ones included: taken means
 * wrong, difficult means that it counts neither way. Detections of a class are pooled in file order, which decides between
 * equal scores.
 * Source: py-faster-rcnn's voc_eval and mmdetection 2.4's eval_map; decoupled-rcnn specification section 8.2.
 */
export function evaluateVoc(groundTruth: CocoGroundTruth, detections: CocoDetections, rules: VocRules): VocEvaluation {
  const K = groundTruth.categories.length;
  const gtOf = groupRows(groundTruth.categoryIndex, K);
  const dtOf = groupRows(detections.categoryIndex, K);
  const perClass = Array.from({ length: K }, (_, k) => {
    const gtRows = gtOf.rows.subarray(gtOf.starts[k], gtOf.starts[k + 1]);
    const dtRows = dtOf.rows.subarray(dtOf.starts[k], dtOf.starts[k + 1]);
    return evaluateClass(groundTruth, detections, gtRows, dtRows, k, rules);
  });
  const classes = iouThresholds.map((_, t) => perClass.map((results) => results[t]!));
  const meanAp = classes.map((results) => {
    const aps = results.flatMap(({ ap }) => ap ?? []);
    return aps.length > 0 ? meanOf(aps) : null;
  });
  return { iouThresholds, classes, meanAp };
}

function evaluateClass(
  groundTruth: CocoGroundTruth,
  detections: CocoDetections,
  gtRows: Int32Array,
  dtRows: Int32Array,
  categoryIndex: number,
  rules: VocRules,
): VocClassResult[] {
  const { isDifficult } = groundTruth;
  const positives = gtRows.reduce((sum, row) => sum + (isDifficult?.[row] ? 0 : 1), 0);
  const order = orderByDescendingScore(Float64Array.from(dtRows, (row) => detections.scores[row]!));
  const best = bestGroundTruths(groundTruth, detections, gtRows, dtRows, rules);
  return iouThresholds.map((threshold) => {
    const isTaken = new Uint8Array(gtRows.length);
    const counted: number[] = [];
    for (const d of order) {
      const g = best.position[d]!;
      const overlap = best.iou[d]!;
      const isOver = g >= 0 && (rules.boxes === 'devkit' ? overlap > threshold : overlap >= threshold);
      if (isOver && isDifficult?.[gtRows[g]!]) continue;
      counted.push(isOver && !isTaken[g] ? 1 : 0);
      if (isOver) isTaken[g] = 1;
    }
    const curve = precisionRecall(Uint8Array.from(counted), positives);
    const truePositives = counted.reduce((sum, flag) => sum + flag, 0);
    const apOf = rules.ap === 'area' ? areaAp : elevenPointAp;
    const ap = positives > 0 ? apOf(curve) : null;
    return { categoryIndex, positives, truePositives, falsePositives: counted.length - truePositives, ap };
  });
}

/** Position in `gtRows` of the ground truth of highest IoU in the same image, the first of equals; -1 without any. */
function bestGroundTruths(
  groundTruth: CocoGroundTruth,
  detections: CocoDetections,
  gtRows: Int32Array,
  dtRows: Int32Array,
  { boxes }: VocRules,
): { position: Int32Array; iou: Float64Array } {
  const positions = Int32Array.from(gtRows.keys());
  const imageOfPosition = Int32Array.from(gtRows, (row) => groundTruth.imageIndex[row]!);
  const ofImage = groupRows(imageOfPosition, groundTruth.imageIds.length, positions);
  const position = new Int32Array(dtRows.length).fill(-1);
  const iou = new Float64Array(dtRows.length).fill(-1);
  dtRows.forEach((row, d) => {
    const image = detections.imageIndex[row]!;
    for (let i = ofImage.starts[image]!; i < ofImage.starts[image + 1]!; i++) {
      const g = ofImage.rows[i]!;
      const overlap = vocIou(detections.boxesXywh, 4 * row, groundTruth.boxesXywh, 4 * gtRows[g]!, boxes);
      if (overlap <= iou[d]!) continue;
      iou[d] = overlap;
      position[d] = g;
    }
  });
  return { position, iou };
}

/** IoU of two xywh boxes. mmdetection holds the union to at least 1e-6. */
export function vocIou(a: Float64Array, i: number, b: Float64Array, j: number, boxes: VocRules['boxes']): number {
  const plus = boxes === 'devkit' ? 1 : 0;
  const [widthA, heightA, widthB, heightB] = [a[i + 2]! + plus, a[i + 3]! + plus, b[j + 2]! + plus, b[j + 3]! + plus];
  const width = Math.min(a[i]! + a[i + 2]!, b[j]! + b[j + 2]!) - Math.max(a[i]!, b[j]!) + plus;
  const height = Math.min(a[i + 1]! + a[i + 3]!, b[j + 1]! + b[j + 3]!) - Math.max(a[i + 1]!, b[j + 1]!) + plus;
  const intersection = Math.max(0, width) * Math.max(0, height);
  const union = widthA * heightA + widthB * heightB - intersection;
  return intersection / (boxes === 'devkit' ? union : Math.max(union, 1e-6));
}
