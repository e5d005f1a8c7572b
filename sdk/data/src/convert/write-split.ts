import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PlumblineError } from '@plumbline/contract';
import { type Dataset, parseDatasetSpec, type SampleRef } from '../dataset/index.js';
import { readYoloConfig } from '../dataset/yolo-yaml.js';
import type { DatasetSplit } from './split-dataset.js';

/** What to open each side with, and the files that were written. */
export interface WrittenSplit {
  readonly files: readonly string[];
  readonly specs: { readonly train: string; readonly val: string };
  /** False when the lists lie outside the dataset's folder, where the specs do not find them. */
  readonly isInPlace: boolean;
}

/**
 * Writes the two sides in the form that the kind of dataset has: `train.txt` and `val.txt` with stems (deeppcb, voc), lists
 * of image paths with a `data.yaml` (yolo), or two annotation files (coco). For deeppcb and voc, `out` is usually the folder
 * of the dataset itself, where `#train` and `#val` look.
 * @throws {PlumblineError} PLB_DATA_OUT_IN_USE when one of the files exists
 */
export async function writeSplit(dataset: Dataset, split: DatasetSplit, out: string): Promise<WrittenSplit> {
  const { kind, path, imagesDir } = parseDatasetSpec(dataset.name);
  const sides = Object.entries(split) as [keyof DatasetSplit, readonly SampleRef[]][];
  await mkdir(out, { recursive: true });
  const write = async (name: string, text: string): Promise<string> => {
    const file = join(out, name);
    if (existsSync(file)) throw new PlumblineError('PLB_DATA_OUT_IN_USE', { folder: file });
    await writeFile(file, text);
    return file;
  };
  if (kind === 'coco') {
    const files = await writeAnnotationFiles(path, sides, write);
    const [train, val] = files.map((file) => `coco:${file}@${imagesDir}`) as [string, string];
    return { files, specs: { train, val }, isInPlace: true };
  }
  const isYolo = kind === 'yolo';
  const lineOf = (sample: SampleRef) => (isYolo ? resolve(sample.file) : sample.stem);
  const lists = await Promise.all(
    sides.map(([name, samples]) => write(`${name}.txt`, samples.map((sample) => `${lineOf(sample)}\n`).join(''))),
  );
  if (!isYolo) {
    const isInPlace = [path, join(path, 'ImageSets', 'Main')].some((folder) => resolve(folder) === resolve(out));
    return { files: lists, specs: { train: `${kind}:${path}#train`, val: `${kind}:${path}#val` }, isInPlace };
  }
  const names = dataset.classes.map((name, i) => `  ${i}: ${JSON.stringify(name)}\n`).join('');
  const { root } = readYoloConfig(path);
  const places = Object.entries({ path: root, train: resolve(lists[0]!), val: resolve(lists[1]!) });
  const header = places.map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`).join('');
  const yaml = await write('data.yaml', `${header}names:\n${names}`);
  return { files: [...lists, yaml], specs: { train: `yolo:${yaml}#train`, val: `yolo:${yaml}#val` }, isInPlace: true };
}

/** The original file with the images of one side and their annotations; everything else in it stays. */
async function writeAnnotationFiles(
  path: string,
  sides: readonly [string, readonly SampleRef[]][],
  write: (name: string, text: string) => Promise<string>,
): Promise<string[]> {
  const document = JSON.parse(await readFile(path, 'utf8')) as {
    images: { id: number }[];
    annotations: { image_id: number }[];
  };
  const files: string[] = [];
  for (const [name, samples] of sides) {
    const ids = new Set(samples.map((sample) => sample.imageId));
    const images = document.images.filter(({ id }) => ids.has(id));
    const annotations = document.annotations.filter(({ image_id }) => ids.has(image_id));
    files.push(await write(`${name}.json`, `${JSON.stringify({ ...document, images, annotations })}\n`));
  }
  return files;
}
