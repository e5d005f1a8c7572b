import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { evaluateCoco } from '@plumbline/data/eval';
import { expect, it } from 'vitest';
import { makeCocoWorkload } from '../fixtures/coco-workload.js';

const folders = [process.env.PLUMBLINE_GOLDEN ?? import.meta.dirname, import.meta.dirname];
const file = folders.map((folder) => join(folder, 'coco-eval/large-expected.json')).find((path) => existsSync(path));

it('evaluateCoco equals pycocotools on a workload of the size of COCO val', () => {
  const expected = JSON.parse(readFileSync(file!, 'utf8'));
  const { groundTruth, detections } = makeCocoWorkload(expected.seed);
  expect(detections.scores).toHaveLength(expected.n_det);
  const { stats } = evaluateCoco(groundTruth, detections);
  expect(Object.keys(stats)).toEqual(Object.keys(expected.stats));
  for (const [name, value] of Object.entries(stats))
    expect(Math.abs(value - expected.stats[name]), name).toBeLessThanOrEqual(1e-12);
});
