import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TrainConfig, trainConfigSchema } from '@plumbline/contract';
import type { Dataset } from '@plumbline/data/dataset';
import { BatchLoader } from '@plumbline/data/loader';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadEngine } from '../engines/index.js';
import { train } from './trainer.js';

const folder = mkdtempSync(join(tmpdir(), 'plumbline-multi-scale-'));
let dataset: Dataset;

/** A wide and a tall image, one box of a quarter of each. */
beforeAll(async () => {
  await loadEngine('wasm');
  const sizes = [
    [100, 50],
    [50, 80],
  ] as const;
  const samples = await Promise.all(
    sizes.map(async ([width, height], i) => {
      const file = join(folder, `${i}.png`);
      const background = { r: 40 * i, g: 90, b: 200 };
      await sharp({ create: { width, height, channels: 3, background } })
        .png()
        .toFile(file);
      const gtBoxesXyxy = Float64Array.from([0, 0, width / 2, height / 2]);
      return { imageId: i + 1, stem: `${i}`, file, width, height, gtBoxesXyxy, gtLabels: Int32Array.of(0) };
    }),
  );
  dataset = { name: 'wide-and-tall', classes: ['a'], samples };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const opened: BatchLoader[] = [];
afterAll(() => Promise.all(opened.map((loader) => loader.close())));
const open = (config: TrainConfig) => {
  const loader = new BatchLoader(dataset, config);
  opened.push(loader);
  return loader;
};

const configOf = (shortSides: number[]) =>
  trainConfigSchema.parse({
    imageSizeHw: [64, 64],
    model: { backbone: { blocks: [1, 1, 1, 1], width: 4 }, fpn: { channels: 8 }, head: { fcChannels: 16 } },
    proposals: { trainPreNms: 50, trainPostNms: 30 },
    sampling: { rpnPerImage: 16, roisPerImage: 16 },
    schedule: { epochs: 1, batchSize: 2, warmupSteps: 0 },
    augment: { flipHorizontal: false, resize: { shortSides, longSide: 90 } },
  });

describe('training with augment.resize', () => {
  it('scales each image by the rule and pads the batch to its largest one', async () => {
    const batch = await open(configOf([40])).batch(0);
    // 100 x 50 becomes 80 x 40, 50 x 80 becomes 40 x 64.
    expect(batch.sizeHw).toEqual([64, 96]);
    expect(batch.pixels.length).toBe(2 * 64 * 96 * 3);
    batch.imageIds.forEach((imageId, b) => {
      const [height, width] = imageId === 1 ? [40, 80] : [64, 40];
      expect(batch.gt[b]!.clipHw).toEqual([height, width]);
      expect([...batch.gt[b]!.boxesXyxy]).toEqual([0, 0, width! / 2, height! / 2]);
    });
  });

  it('lets the longer side limit the scale, and draws among the given sides', async () => {
    const limited = await open(configOf([60])).batch(0);
    const wide = limited.gt[limited.imageIds.indexOf(1)]!;
    expect(wide.clipHw).toEqual([45, 90]);
    const loader = open(configOf([32, 40]));
    const heights = new Set<number>();
    for (let step = 0; step < 8; step++) {
      const { gt, imageIds } = await loader.batch(step);
      heights.add(gt[imageIds.indexOf(1)]!.clipHw![0]);
    }
    expect([...heights].sort()).toEqual([32, 40]);
  });

  it('takes a step on a batch that mixes sizes', async () => {
    const outDir = join(folder, 'run');
    const { steps, loss } = await train({ config: configOf([32, 40]), dataset, outDir });
    expect(steps).toBe(1);
    expect(loss.total).toBeGreaterThan(0);
  }, 60_000);
});
