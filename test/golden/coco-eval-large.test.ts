import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { evaluateCoco, evaluateCocoInThreads } from '@plumbline/data/eval';
import { describe, expect, it } from 'vitest';
import { makeCocoWorkload } from '../fixtures/coco-workload.js';

const folders = [process.env.PLUMBLINE_GOLDEN ?? import.meta.dirname, import.meta.dirname];
const file = folders.map((folder) => join(folder, 'coco-eval/large-expected.json')).find((path) => existsSync(path));

describe('evaluateCoco on a workload of the size of COCO val', () => {
  const expected = JSON.parse(readFileSync(file!, 'utf8'));
  const { groundTruth, detections } = makeCocoWorkload(expected.seed);

  it('equals pycocotools', () => {
    expect(detections.scores).toHaveLength(expected.n_det);
    const { stats } = evaluateCoco(groundTruth, detections);
    expect(Object.keys(stats)).toEqual(Object.keys(expected.stats));
    for (const [name, value] of Object.entries(stats))
      expect(Math.abs(value - expected.stats[name]), name).toBeLessThanOrEqual(1e-12);
  });

  it('gives the same bits on several threads', async () => {
    const one = evaluateCoco(groundTruth, detections);
    const three = await evaluateCocoInThreads(groundTruth, detections, undefined, 3);
    expect(three.stats).toEqual(one.stats);
    for (const name of ['precision', 'recall', 'scores'] as const)
      expect(Buffer.compare(bytesOf(three[name]), bytesOf(one[name])), name).toBe(0);
  });
});

const bytesOf = (array: Float64Array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);
