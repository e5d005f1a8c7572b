import { recallThresholds } from '../../eval/coco-grid.js';
import { orderByDescendingScore } from '../../eval/sort.js';

/**
 * AP of detections that are already known to be right or wrong: precision made monotonic, read at 101 recalls.
 * @param scores    [N] any order; equal scores keep theirs
 * @param isCorrect [N] 1 where the detection found a ground truth
 * @param positives ground truths, from 1
 * @returns 0..1
 * Source: pycocotools cocoeval.py, accumulate.
 */
export function averagePrecisionOf(scores: Float64Array, isCorrect: Uint8Array, positives: number): number {
  const order = orderByDescendingScore(scores);
  const precision = new Float64Array(order.length);
  const recall = new Float64Array(order.length);
  let correct = 0;
  for (let i = 0; i < order.length; i++) {
    correct += isCorrect[order[i]!]!;
    precision[i] = correct / (i + 1);
    recall[i] = correct / positives;
  }
  for (let i = order.length - 1; i > 0; i--) if (precision[i]! > precision[i - 1]!) precision[i - 1] = precision[i]!;
  let sum = 0;
  for (let r = 0, i = 0; r < recallThresholds.length; r++) {
    while (i < order.length && recall[i]! < recallThresholds[r]!) i++;
    if (i < order.length) sum += precision[i]!;
  }
  return sum / recallThresholds.length;
}
