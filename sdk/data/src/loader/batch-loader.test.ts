import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { trainConfigSchema } from '@plumbline/contract';
import { type Dataset, openDataset } from '@plumbline/data/dataset';
import { BatchLoader, type BatchLoaderOptions, drawBatch } from '@plumbline/data/loader';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const boards = join(import.meta.dirname, '../../../../firmware-configs/lines/demo/boards');
const everything = {
  flipHorizontal: true,
  flipVertical: true,
  transpose: true,
  rotate90: true,
  scale: [0.7, 1.4],
  aspect: 1.2,
  crop: {},
  brightness: 0.2,
  contrast: 0.3,
  gamma: 1.5,
  noise: 6,
  blur: 1,
  copyPaste: {},
  mosaic: 0.4,
};

let opened: BatchLoader[] = [];
let dir: string;
beforeEach(async () => {
  opened = [];
  dir = await mkdtemp(join(tmpdir(), 'plumbline-loader-'));
});
afterEach(async () => {
  await Promise.all(opened.map((loader) => loader.close()));
  await rm(dir, { recursive: true });
});

function open(
  dataset: Dataset,
  augment: object,
  workers: number,
  options: BatchLoaderOptions & { seed?: number } = {},
) {
  const { seed = 1, ...rest } = options;
  const schedule = { batchSize: 5 };
  const config = trainConfigSchema.parse({ seed, imageSizeHw: [160, 160], schedule, augment, loader: { workers } });
  const loader = new BatchLoader(dataset, config, rest);
  opened.push(loader);
  return loader;
}

/** Everything of a batch as one text. */
async function contentOf(loader: BatchLoader, step: number): Promise<string> {
  const batch = await loader.batch(step);
  const gt = batch.gt.map(({ boxesXyxy, labels, clipHw }) => [[...boxesXyxy], [...labels], clipHw]);
  const pixels = Buffer.from(batch.pixels.slice().buffer).toString('base64');
  batch.release();
  return JSON.stringify([batch.sizeHw, batch.imageIds, gt, pixels]);
}

describe('BatchLoader', () => {
  it('makes the same batches with any number of threads, in any order of steps', async () => {
    const dataset = await openDataset(`deeppcb:${boards}`);
    const [none, one, three] = [0, 1, 3].map((workers) => open(dataset, everything, workers));
    const steps = [0, 1, 2, 7, 4];
    const expected = new Map<number, string>();
    for (const step of steps) expected.set(step, await contentOf(none!, step));
    for (const step of steps) expect(await contentOf(one!, step), `step ${step}`).toBe(expected.get(step));
    // A run that resumes in the middle of an epoch asks for a later step first.
    for (const step of [...steps].reverse())
      expect(await contentOf(three!, step), `step ${step}`).toBe(expected.get(step));
  }, 60_000);

  it('shows every image once in an epoch, in another order and with other changes in the next', async () => {
    const dataset = await openDataset(`deeppcb:${boards}`);
    const loader = open(dataset, everything, 1);
    expect(loader.stepsPerEpoch).toBe(4);
    const epochOf = async (first: number) => {
      const ids: number[] = [];
      for (let step = first; step < first + 4; step++) ids.push(...(await loader.batch(step)).imageIds);
      return ids;
    };
    const [first, second] = [await epochOf(0), await epochOf(4)];
    expect(new Set(first).size).toBe(20);
    expect(second).not.toEqual(first);
    const other = open(dataset, everything, 1, { seed: 2 });
    expect(await contentOf(other, 0)).not.toBe(await contentOf(loader, 0));
  }, 60_000);

  it('normalises, and pads with zero', async () => {
    const file = join(dir, 'a.png');
    await sharp({ create: { width: 160, height: 80, channels: 3, background: '#ff0000' } }).toFile(file);
    const sample = { imageId: 1, stem: 'a', file, width: 160, height: 80 };
    const none = { gtBoxesXyxy: new Float64Array(0), gtLabels: new Int32Array(0) };
    const loader = open({ name: 'one', classes: ['a'], samples: [{ ...sample, ...none }] }, {}, 1);
    const { pixels, gt } = await loader.batch(0);
    expect([...pixels.subarray(0, 3)]).toEqual([1, -1, -1]);
    expect([...pixels.subarray(3 * 160 * 80, 3 * 160 * 80 + 3)]).toEqual([0, 0, 0]);
    expect(gt[0]!.clipHw).toEqual([80, 160]);
  });

  it('names an image that cannot be read, and goes on with others', async () => {
    const dataset = await openDataset(`deeppcb:${boards}`);
    const file = join(dir, 'broken.jpg');
    await writeFile(file, 'no image');
    const samples = dataset.samples.map((sample, i) => (i === 3 ? { ...sample, file } : sample));
    const loader = open({ ...dataset, samples }, {}, 2);
    const outcomes = await Promise.all([0, 1, 2, 3].map((step) => loader.batch(step).catch((error) => error)));
    const errors = outcomes.filter((outcome) => outcome instanceof Error);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ code: 'PLB_DATA_IMAGE_UNREADABLE', params: { file } });
  });

  it('names an image that was replaced by one of another size', async () => {
    const dataset = await openDataset(`deeppcb:${boards}`);
    const samples = [{ ...dataset.samples[0]!, width: 700, height: 700 }];
    const loader = open({ ...dataset, samples }, {}, 1);
    await expect(loader.batch(0)).rejects.toMatchObject({
      code: 'PLB_DATA_IMAGE_CHANGED',
      params: { expected: '700x700', actual: '640x640' },
    });
  });

  it('reports a thread that ends, with what it was reading', async () => {
    const dataset = await openDataset(`deeppcb:${boards}`);
    const spawn = () => new Worker('setTimeout(() => process.exit(3), 50)', { eval: true });
    const loader = open(dataset, {}, 1, { spawn });
    const failure = { code: 'PLB_DATA_LOADER_WORKER_ENDED', message: expect.stringContaining('exit code 3') };
    await expect(loader.batch(0)).rejects.toMatchObject(failure);
    await expect(loader.batch(1)).rejects.toMatchObject(failure);
  });

  it('ends its threads and refuses what is still asked for', async () => {
    const dataset = await openDataset(`deeppcb:${boards}`);
    const loader = open(dataset, {}, 2);
    const waiting = loader.batch(0).catch((error) => error);
    await loader.close();
    const outcome = await waiting;
    if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'PLB_DATA_LOADER_CLOSED' });
    await expect(loader.batch(1)).rejects.toMatchObject({ code: 'PLB_DATA_LOADER_CLOSED', params: { step: 1 } });
  });
});

describe('drawBatch', () => {
  it('draws every image of a batch with its boxes on one sheet', async () => {
    const dataset = await openDataset(`deeppcb:${boards}`);
    const loader = open(dataset, {}, 1);
    const normalization = { mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5] } as const;
    const png = await drawBatch(await loader.batch(0), { classes: dataset.classes, normalization });
    const { width, height } = await sharp(png).metadata();
    expect([width, height]).toEqual([8 + 3 * 168, 8 + 2 * 168]);
    const { data } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    let coloured = 0;
    for (let i = 0; i < data.length; i += 3) if (Math.abs(data[i]! - data[i + 1]!) > 60) coloured++;
    expect(coloured).toBeGreaterThan(500);
  });
});
