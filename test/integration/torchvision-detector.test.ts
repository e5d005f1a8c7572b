import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageRgb } from '@plumbline/core/image';
import { adoptModel } from '@plumbline/deploy/adopt';
import { createDetector } from '@plumbline/runtime/detector';
import { afterAll, describe, expect, it } from 'vitest';

const fixtures = join(import.meta.dirname, '../fixtures/foreign');
const { cases } = JSON.parse(readFileSync(join(fixtures, 'expected.json'), 'utf8')) as {
  cases: {
    file: string;
    images: { sizeHw: [number, number]; boxes: number[][]; labels: number[]; scores: number[] }[];
  }[];
};
const dir = mkdtempSync(join(tmpdir(), 'plumbline-torchvision-'));
afterAll(() => rmSync(dir, { recursive: true }));

/** The formula of make_torchvision_cases.py. */
function picture([height, width]: readonly [number, number]): ImageRgb {
  const data = new Uint8Array(3 * height * width);
  let at = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (const [c, side] of [9, 14, 23].entries()) {
        const check = ((Math.floor(x / side) + Math.floor(y / side)) % 2) * 140;
        data[at++] = check + ((x * (c + 1) + y * 2) % 64);
      }
  return { width, height, data };
}

describe.each(cases)('$file, adopted', ({ file, images }) => {
  it('finds what torchvision finds, boxes within 0.05 px and scores within 1e-3', async () => {
    const { modelPath } = await adoptModel({
      file: join(fixtures, file),
      out: join(dir, file.replace('.onnx', '')),
      layout: 'torchvision',
      classes: ['one', 'two', 'three'],
      scoreThreshold: 0.05,
      version: '1.0.0',
    });
    const detector = await createDetector({ modelDir: modelPath, threads: 1 });
    for (const { sizeHw, boxes, labels, scores } of images) {
      const { detections } = await detector.detect(picture(sizeHw));
      const expected = scores
        .map((score, i) => ({ classId: labels[i]! - 1, score, boxXyxy: boxes[i]! }))
        .filter(({ classId, score }) => classId >= 0 && score >= 0.05);
      expect(expected.length).toBeGreaterThan(5);
      expect(detections.length).toBe(expected.length);
      for (const { classId, score, boxXyxy } of expected) {
        const isSame = (found: (typeof detections)[number]) =>
          found.classId === classId &&
          Math.abs(found.score - score) < 1e-3 &&
          found.boxXyxy.every((side, k) => Math.abs(side - boxXyxy[k]!) < 0.05);
        expect(detections.filter(isSame).length, `${sizeHw} ${classId} ${score}`).toBeGreaterThan(0);
      }
    }
    await detector.dispose();
  }, 60_000);
});
