import { PlumblineError } from '@plumbline/contract';
import type { SampleRef } from '../dataset/index.js';
import { boxAt } from './labelled-image.js';

/**
 * Refuses boxes that no training can use.
 * @throws {PlumblineError} PLB_TRAIN_BAD_GROUND_TRUTH
 */
export function checkGroundTruth(sample: SampleRef, classes: number): void {
  const bad = (row: number, problem: string) =>
    new PlumblineError('PLB_TRAIN_BAD_GROUND_TRUTH', { image: sample.file, row: row + 1, problem });
  sample.gtLabels.forEach((label, row) => {
    const [x1, y1, x2, y2] = boxAt(sample.gtBoxesXyxy, row);
    if (!(x1 < x2 && y1 < y2)) throw bad(row, `[${x1}, ${y1}, ${x2}, ${y2}] has no area or is not a number`);
    if (x1 < 0 || y1 < 0 || x2 > sample.width || y2 > sample.height) {
      throw bad(row, `[${x1}, ${y1}, ${x2}, ${y2}] lies outside the image of ${sample.width} x ${sample.height} px`);
    }
    if (!(label >= 0 && label < classes)) throw bad(row, `class id ${label} is outside 0..${classes - 1}`);
  });
}
