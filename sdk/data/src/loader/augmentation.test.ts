import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trainConfigSchema } from '@plumbline/contract';
import type { Dataset, SampleRef } from '@plumbline/data/dataset';
import { type Batch, BatchLoader } from '@plumbline/data/loader';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// Every image is grey with rectangles of one colour each; where a box ends up, its colour must be, and nowhere else.
const colours = [
  [250, 30, 30],
  [30, 250, 30],
  [30, 30, 250],
] as const;
const side = 200;

let dir: string;
let square: Dataset;
let wide: Dataset;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-augment-'));
  square = await draw('square', side, side);
  wide = await draw('wide', side, 120);
});
afterAll(() => rm(dir, { recursive: true }));

async function draw(name: string, width: number, height: number): Promise<Dataset> {
  const samples: SampleRef[] = [];
  for (let i = 0; i < 6; i++) {
    const boxes = colours.map((_, k) => {
      const [w, h] = [18 + 4 * ((i + k) % 4), 14 + 5 * ((i + 2 * k) % 3)];
      return [12 + 60 * k + 3 * i, 8 + ((17 * i + 23 * k) % (height - h - 16)), w, h] as const;
    });
    const rects = boxes.map(
      ([x, y, w, h], k) => `<rect x="${x}" y="${y}" width="${w}" height="${h}" fill="rgb(${colours[k]!.join(',')})"/>`,
    );
    const svg = `<svg width="${width}" height="${height}"><rect width="100%" height="100%" fill="#808080"/>${rects.join('')}</svg>`;
    const file = join(dir, `${name}${i}.png`);
    await sharp(Buffer.from(svg)).removeAlpha().png().toFile(file);
    const gtBoxesXyxy = Float64Array.from(boxes.flatMap(([x, y, w, h]) => [x, y, x + w, y + h]));
    samples.push({
      imageId: i + 1,
      stem: name + i,
      file,
      width,
      height,
      gtBoxesXyxy,
      gtLabels: Int32Array.of(0, 1, 2),
    });
  }
  return { name, classes: ['red', 'green', 'blue'], samples };
}

async function batchesOf(dataset: Dataset, augment: object, steps = 8): Promise<Batch[]> {
  const off = { flipHorizontal: false };
  const config = trainConfigSchema.parse({
    imageSizeHw: [192, 192],
    schedule: { batchSize: 6 },
    augment: { ...off, ...augment },
    loader: { workers: 0 },
  });
  const loader = new BatchLoader(dataset, config);
  try {
    return await Promise.all(Array.from({ length: steps }, (_, step) => loader.batch(step)));
  } finally {
    await loader.close();
  }
}

/** Bounds of the pixels of a class's colour inside a region around a box; null without any. */
function boundsOf(batch: Batch, image: number, label: number, [x1, y1, x2, y2]: number[]) {
  const [height, width] = batch.sizeHw;
  const isColour = (x: number, y: number) => {
    const at = 3 * ((image * height + y) * width + x);
    const levels = [0, 1, 2].map((k) => batch.pixels[at + k]! * 127.5 + 127.5);
    return colours[label]!.every((value, k) => Math.abs(value - levels[k]!) < 80);
  };
  const bounds = [Infinity, Infinity, -Infinity, -Infinity];
  const [left, top] = [Math.max(0, Math.floor(x1! - 3)), Math.max(0, Math.floor(y1! - 3))];
  for (let y = top; y < Math.min(height, y2! + 3); y++) {
    for (let x = left; x < Math.min(width, x2! + 3); x++) {
      if (!isColour(x, y)) continue;
      bounds[0] = Math.min(bounds[0]!, x);
      bounds[1] = Math.min(bounds[1]!, y);
      bounds[2] = Math.max(bounds[2]!, x + 1);
      bounds[3] = Math.max(bounds[3]!, y + 1);
    }
  }
  return Number.isFinite(bounds[0]) ? bounds : null;
}

function expectExactBoxes(batch: Batch): number {
  let checked = 0;
  batch.gt.forEach(({ boxesXyxy, labels, clipHw }, image) => {
    labels.forEach((label, g) => {
      const box = [...boxesXyxy.subarray(4 * g, 4 * g + 4)];
      const [x1, y1, x2, y2] = box as [number, number, number, number];
      expect(x1).toBeGreaterThanOrEqual(0);
      expect(y1).toBeGreaterThanOrEqual(0);
      expect(x2).toBeLessThanOrEqual(clipHw![1] + 1e-3);
      expect(y2).toBeLessThanOrEqual(clipHw![0] + 1e-3);
      expect(x2 - x1).toBeGreaterThan(0);
      expect(y2 - y1).toBeGreaterThan(0);
      if (x2 - x1 < 6 || y2 - y1 < 6) return; // too small to see where its colour ends
      const bounds = boundsOf(batch, image, label, box);
      expect(bounds, `image ${image}, box ${box}`).not.toBeNull();
      box.forEach((value, k) => {
        expect(Math.abs(value - bounds![k]!), `image ${image}, box ${box}, seen ${bounds}`).toBeLessThanOrEqual(1.5);
      });
      checked++;
    });
  });
  return checked;
}

const geometric = [
  ['none', {}],
  ['horizontal flips', { flipHorizontal: true }],
  ['vertical flips', { flipVertical: true }],
  ['transposition', { transpose: true }],
  ['quarter turns', { rotate90: true }],
  ['scale', { scale: [0.6, 1.6] }],
  ['aspect', { aspect: 1.5 }],
  ['crops', { crop: { probability: 1, minSide: 0.3 } }],
  ['mosaic', { mosaic: 1 }],
  [
    'all of them',
    {
      flipHorizontal: true,
      flipVertical: true,
      transpose: true,
      rotate90: true,
      scale: [0.7, 1.4],
      aspect: 1.2,
      crop: {},
      mosaic: 0.5,
    },
  ],
] as const;

describe.each([
  ['square images', () => square],
  ['wide images', () => wide],
])('augmentation of %s', (_, dataset) => {
  it.each(geometric)('moves boxes with their pixels: %s', async (_name, augment) => {
    const batches = await batchesOf(dataset(), augment);
    const checked = batches.reduce((sum, batch) => sum + expectExactBoxes(batch), 0);
    expect(checked).toBeGreaterThan(60);
  });

  it.each(geometric.slice(1))('changes something: %s', async (_name, augment) => {
    if ('transpose' in augment && Object.keys(augment).length === 1 && dataset() === wide) return; // square images only
    const [plain, changed] = [await batchesOf(dataset(), {}, 2), await batchesOf(dataset(), augment, 2)];
    expect(changed.map(({ pixels }) => [...pixels])).not.toEqual(plain.map(({ pixels }) => [...pixels]));
  });
});

describe('augmentation of pixels', () => {
  it('never cuts a box in a crop, and always keeps one', async () => {
    for (const { gt } of await batchesOf(square, { crop: { probability: 1, minSide: 0.3 } }, 12)) {
      for (const { labels } of gt) expect(labels.length).toBeGreaterThan(0);
    }
  });

  it('pastes boxes of other images where none is', async () => {
    const batches = await batchesOf(square, { copyPaste: { probability: 1, maxBoxes: 2, marginPx: 0 } });
    let pasted = 0;
    for (const batch of batches) {
      expectExactBoxes(batch);
      for (const { boxesXyxy, labels } of batch.gt) {
        pasted += labels.length - 3;
        for (let a = 0; a < labels.length; a++) {
          for (let b = 0; b < a; b++) {
            const [p, q] = [boxesXyxy.subarray(4 * a, 4 * a + 4), boxesXyxy.subarray(4 * b, 4 * b + 4)];
            const overlaps = p[0]! < q[2]! && q[0]! < p[2]! && p[1]! < q[3]! && q[1]! < p[3]!;
            expect(overlaps).toBe(false);
          }
        }
      }
    }
    expect(pasted).toBeGreaterThan(20);
  });

  it.each([
    ['brightness', { brightness: 0.3 }],
    ['contrast', { contrast: 0.5 }],
    ['gamma', { gamma: 2 }],
    ['noise', { noise: 10 }],
    ['blur', { blur: 2 }],
  ])('%s changes levels and no box', async (_, augment) => {
    const [plain, changed] = [await batchesOf(square, {}, 2), await batchesOf(square, augment, 2)];
    changed.forEach((batch, step) => {
      expect(batch.gt.map(({ boxesXyxy }) => [...boxesXyxy])).toEqual(
        plain[step]!.gt.map(({ boxesXyxy }) => [...boxesXyxy]),
      );
      const differences = batch.pixels.map((value, i) => Math.abs(value - plain[step]!.pixels[i]!));
      expect(Math.max(...differences.subarray(0, 3 * 192 * 192))).toBeGreaterThan(0.005);
      expect(Math.max(...batch.pixels.subarray(0, 3 * 192 * 192).map(Math.abs))).toBeLessThanOrEqual(1);
    });
  });

  it('adds noise of the strength that it says', async () => {
    const strengths: number[] = [];
    const [plain, noisy] = [await batchesOf(square, {}, 4), await batchesOf(square, { noise: 20 }, 4)];
    noisy.forEach((batch, step) => {
      for (let image = 0; image < 6; image++) {
        const range = [3 * 192 * 192 * image, 3 * 192 * 192 * (image + 1)] as const;
        const [a, b] = [batch.pixels.subarray(...range), plain[step]!.pixels.subarray(...range)];
        const squares = a.reduce((sum, value, i) => sum + ((value - b[i]!) * 127.5) ** 2, 0);
        strengths.push(Math.sqrt(squares / a.length));
      }
    });
    expect(Math.max(...strengths)).toBeLessThan(21);
    expect(Math.max(...strengths)).toBeGreaterThan(12);
    expect(Math.min(...strengths)).toBeLessThan(8);
  });
});
