import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { evaluateCoco } from '@plumbline/data/eval';
import { expect, it } from 'vitest';
import { makeCocoWorkload } from '../fixtures/coco-workload.js';

const folder = join(process.env.PLUMBLINE_GOLDEN ?? import.meta.dirname, 'coco-eval');

it('evaluateCoco equals pycocotools on a workload of the size of COCO val', () => {
  const expected = JSON.parse(readFileSync(join(folder, 'large-expected.json'), 'utf8'));
  const { groundTruth, detections } = makeCocoWorkload(expected.seed);
  expect(detections.scores).toHaveLength(expected.n_det);
  const { stats } = evaluateCoco(groundTruth, detections);
  expect(Object.keys(stats)).toEqual(Object.keys(expected.stats));
  for (const [name, value] of Object.entries(stats)) expect(Math.abs(value - expected.stats[name]), name).toBeLessThanOrEqual(1e-12);
});
