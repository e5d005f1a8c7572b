import { existsSync, readdirSync } from 'node:fs';
import { copyFile, link, mkdir } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { PlumblineError } from '@plumbline/contract';
import { type Dataset, mapConcurrently, type SampleRef } from '../dataset/index.js';
import { writeMonoAs8Bit } from './mono-image.js';
import { writeCoco } from './write-coco.js';
import { writeVoc } from './write-voc.js';
import { writeYolo } from './write-yolo.js';

export const convertedFormats = ['coco', 'voc', 'yolo'] as const;
export type ConvertedFormat = (typeof convertedFormats)[number];

/** An image of the new dataset. */
export interface ConvertedImage {
  readonly sample: SampleRef;
  /** File name inside the folder of the images. */
  readonly name: string;
  readonly stem: string;
}

export interface ConvertOptions {
  readonly to: ConvertedFormat;
  /** New or empty folder. */
  readonly out: string;
  /** Significant bits of 16-bit mono images: they become 8-bit PNGs of which `2^bits - 1` is white. Absent: copied. */
  readonly bits?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface ConvertReport {
  readonly images: number;
  readonly boxes: number;
  /** What the new dataset is opened with. */
  readonly spec: string;
  /** What the format cannot hold, with the number of boxes that had it. */
  readonly lost: Readonly<Record<string, number>>;
}

/**
 * Writes a dataset in another format: images as hard links where the file system allows it, else copied, and labels.
 * Boxes keep up to nine decimals of a px, so that converting there and back gives the same numbers.
 * @throws {PlumblineError} PLB_DATA_OUT_IN_USE when the folder holds something
 */
export async function convertDataset(dataset: Dataset, options: ConvertOptions): Promise<ConvertReport> {
  const { to, out, bits, onProgress } = options;
  if (existsSync(out) && readdirSync(out).length > 0) throw new PlumblineError('PLB_DATA_OUT_IN_USE', { folder: out });
  const folder = join(out, to === 'voc' ? 'JPEGImages' : 'images');
  await mkdir(folder, { recursive: true });
  const images = nameImages(dataset.samples, bits);
  let done = 0;
  await mapConcurrently(images, async ({ sample, name }) => {
    const target = join(folder, name);
    await mkdir(dirname(target), { recursive: true });
    if (bits === undefined) await link(sample.file, target).catch(() => copyFile(sample.file, target));
    else await writeMonoAs8Bit(sample.file, target, bits);
    onProgress?.(++done, images.length);
  });
  const write = { coco: writeCoco, voc: writeVoc, yolo: writeYolo }[to];
  const spec = await write(dataset, images, out);
  return {
    images: images.length,
    boxes: dataset.samples.reduce((sum, { gtLabels }) => sum + gtLabels.length, 0),
    spec,
    lost: countLost(dataset, to),
  };
}

/** File names stay; where two images of different folders have the same one, the image id makes them differ. */
function nameImages(samples: readonly SampleRef[], bits: number | undefined): ConvertedImage[] {
  const used = new Set<string>();
  return samples.map((sample) => {
    const extension = extname(sample.file);
    const plain = basename(sample.file, extension);
    const stem = used.has(plain) ? `${plain}-${sample.imageId}` : plain;
    used.add(stem);
    return { sample, stem, name: `${stem}${bits === undefined ? extension : '.png'}` };
  });
}

/** Flags that a format has no place for. */
function countLost({ samples }: Dataset, to: ConvertedFormat): Record<string, number> {
  const count = (flags: (sample: SampleRef) => Uint8Array | undefined) =>
    samples.reduce((sum, sample) => sum + (flags(sample)?.reduce((n, flag) => n + flag, 0) ?? 0), 0);
  const lost: Record<string, number> = {};
  const crowd = count((sample) => sample.gtIsCrowd);
  const difficult = count((sample) => sample.gtDifficult);
  if (to !== 'coco' && crowd > 0) lost.iscrowd = crowd;
  if (to === 'yolo' && difficult > 0) lost.difficult = difficult;
  return lost;
}
