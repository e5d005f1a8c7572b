/** Shapes in this module: N detections by descending score, ignored ones left out. */

/** Recall and precision after each detection that counts. */
export interface PrecisionRecall {
  readonly recall: Float64Array;
  readonly precision: Float64Array;
}

/**
 * @param isCorrect [N] 1 for a true, 0 for a false positive
 * @param positives ground truths that count, above 0
 */
export function precisionRecall(isCorrect: Uint8Array, positives: number): PrecisionRecall {
  const recall = new Float64Array(isCorrect.length);
  const precision = new Float64Array(isCorrect.length);
  let correct = 0;
  isCorrect.forEach((flag, i) => {
    correct += flag;
    recall[i] = correct / positives;
    precision[i] = correct / (i + 1);
  });
  return { recall, precision };
}

/** numpy's arange(0, 1.1, 0.1): the fourth value is 0.30000000000000004. */
const elevenRecalls = Array.from({ length: 11 }, (_, i) => i * 0.1);

/** Mean of the highest precision at recalls of at least 0, 0.1 ... 1. Source: Pascal VOC 2007 development kit, VOCap. */
export function elevenPointAp({ recall, precision }: PrecisionRecall): number {
  let ap = 0;
  for (const threshold of elevenRecalls) {
    let highest = 0;
    for (let i = 0; i < recall.length; i++) {
      if (recall[i]! >= threshold && precision[i]! > highest) highest = precision[i]!;
    }
    ap += highest / 11;
  }
  return ap;
}

/** Area under the envelope of the curve. Source: Pascal VOC 2010 development kit, VOCap. */
export function areaAp({ recall, precision }: PrecisionRecall): number {
  const envelope = precision.slice();
  for (let i = envelope.length - 1; i > 0; i--) envelope[i - 1] = Math.max(envelope[i - 1]!, envelope[i]!);
  let ap = 0;
  for (let i = 0; i < recall.length; i++) {
    const before = i === 0 ? 0 : recall[i - 1]!;
    if (recall[i] !== before) ap += (recall[i]! - before) * envelope[i]!;
  }
  return ap;
}

export const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
