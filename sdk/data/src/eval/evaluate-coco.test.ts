import { join } from 'node:path';
import type { Detection } from '@plumbline/core/geometry';
import type { Dataset } from '@plumbline/data/dataset';
import { openDataset } from '@plumbline/data/dataset';
import {
  detectDataset,
  detectionTable,
  type EvaluatedDetector,
  evaluateCoco,
  groundTruthOfDataset,
} from '@plumbline/data/eval';
import { describe, expect, it } from 'vitest';

const boards = join(import.meta.dirname, '../../../../firmware-configs/lines/demo/boards');

/** Answers with the labels of the images in their order, each box shifted by `shiftPx`. */
function labelsAsDetector(dataset: Dataset, classes: readonly string[], shiftPx: number): EvaluatedDetector {
  let next = 0;
  return {
    info: { id: 'labels', classes },
    detect: async () => {
      const { gtBoxesXyxy: b, gtLabels } = dataset.samples[next++]!;
      const detections = Array.from(gtLabels, (label, i): Detection => {
        const className = dataset.classes[label]!;
        const boxXyxy = [b[i * 4]! + shiftPx, b[i * 4 + 1]!, b[i * 4 + 2]! + shiftPx, b[i * 4 + 3]!] as const;
        return { classId: classes.indexOf(className), className, score: 0.9, boxXyxy };
      });
      return { detections };
    },
  };
}

async function evaluateLabels(shiftPx: number) {
  const dataset = await openDataset(`deeppcb:${boards}`);
  const groundTruth = groundTruthOfDataset(dataset);
  const { results } = await detectDataset(dataset, labelsAsDetector(dataset, [...dataset.classes].reverse(), shiftPx));
  return evaluateCoco(groundTruth, detectionTable(results, groundTruth));
}

describe('evaluateCoco on a dataset', () => {
  it("gives the labels themselves full marks, whatever the order of the model's classes", async () => {
    const { stats, perClass } = await evaluateLabels(0);
    expect(stats.AP).toBe(1);
    expect(stats.AR100).toBe(1);
    expect(perClass).toEqual({ open: 1, short: 1, mousebite: 1, spur: 1, copper: 1, 'pin-hole': 1 });
  });

  it('loses high IoU first when boxes are shifted', async () => {
    // A shift of 3 px on a box of about 34 px is an IoU near 0.84.
    const { perIou } = await evaluateLabels(3);
    expect(perIou['0.50']).toBe(1);
    expect(perIou['0.95']).toBeLessThan(0.01);
    const values = Object.values(perIou);
    expect([...values].sort((a, b) => b - a)).toEqual(values);
  });

  it('keeps two classes of one name apart', () => {
    const groundTruth = {
      ...emptyTruth,
      categories: [
        { id: 1, name: 'a' },
        { id: 2, name: 'a' },
      ],
    };
    const result = evaluateCoco(groundTruth, detectionTable([], groundTruth));
    expect(Object.keys(result.perClass)).toEqual(['a (1)', 'a (2)']);
  });
});

const emptyTruth = {
  imageIds: new Float64Array(),
  imageIndex: new Int32Array(),
  categoryIndex: new Int32Array(),
  boxesXywh: new Float64Array(),
  areas: new Float64Array(),
  isCrowd: new Uint8Array(),
};

describe('detectDataset', () => {
  it('refuses a model with other classes', async () => {
    const dataset = await openDataset(`deeppcb:${boards}`);
    const detector = { info: { id: 'other', classes: ['open', 'scratch'] }, detect: async () => ({ detections: [] }) };
    await expect(detectDataset(dataset, detector)).rejects.toMatchObject({
      code: 'PLB_DATA_CLASSES_DIFFER',
      params: {
        difference:
          'the model does not know short, mousebite, spur, copper, pin-hole; the dataset does not know scratch',
      },
    });
  });
});
