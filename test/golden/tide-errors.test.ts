import { join } from 'node:path';
import { readCocoDetections, readCocoGroundTruth } from '@plumbline/data/eval';
import { analyseTide, tideErrorTypes } from '@plumbline/data/report';
import { describe, expect, it } from 'vitest';
import { goldenFolder } from '../fixtures/golden.js';

/**
 * Counts and dAP of tidecv 1.0.1 (PyPI) with `TIDE().evaluate(gt, dt, mode=TIDE.BOX)`, taken from `count_errors`,
 * `fix_main_errors` and `fix_special_errors`, which are in percent there. Each annotation got its box as segmentation,
 * without which tidecv does not read the file. The tolerance 1e-12 covers sums in another order.
 */
const expected = {
  deeppcb: {
    ap50: 0.7214955024457113,
    types: {
      classification: [53, 0.07492068061699968],
      localisation: [12, 0.020749403151775425],
      both: [16, 6.665691199572166e-6],
      duplicate: [147, 0.011189695968142246],
      background: [166, 0.0016795930376584068],
      missed: [142, 0.14621757015622763],
    },
    falsePositives: 0.057382385343067596,
    falseNegatives: 0.20364419941068065,
  },
  tiny: {
    ap50: 0.7079207920792079,
    types: {
      classification: [0, 0],
      localisation: [0, 0],
      both: [2, 0.25],
      duplicate: [1, 0.042079207920792075],
      background: [0, 0],
      missed: [0, 0],
    },
    falsePositives: 0.29207920792079206,
    falseNegatives: 0,
  },
} as const;

async function analyse(name: string) {
  const { folder } = goldenFolder('coco-eval', name);
  const groundTruth = await readCocoGroundTruth(join(folder, 'gt.json'));
  return analyseTide(groundTruth, await readCocoDetections(join(folder, 'detections.json'), groundTruth));
}

describe('analyseTide', () => {
  it.each(Object.entries(expected))('agrees with tidecv on %s', async (name, figures) => {
    const { ap50, types, falsePositives, falseNegatives } = await analyse(name);
    expect(ap50).toBeCloseTo(figures.ap50, 12);
    for (const type of tideErrorTypes) {
      const [count, dAp] = figures.types[type];
      expect(types[type].count, type).toBe(count);
      expect(types[type].dAp, type).toBeCloseTo(dAp, 12);
    }
    expect(falsePositives.dAp).toBeCloseTo(figures.falsePositives, 12);
    expect(falseNegatives.dAp).toBeCloseTo(figures.falseNegatives, 12);
  });

  it('takes the mean over the three classes with ground truth, where tidecv counts the fourth as 0', async () => {
    const { ap50 } = await analyse('crowd-edge');
    expect(3 * ap50).toBeCloseTo(4 * 0.46287128712871245, 12);
  });
});
