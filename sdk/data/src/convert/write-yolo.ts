import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Dataset, SampleRef } from '../dataset/index.js';
import type { ConvertedImage } from './convert-dataset.js';
import { shareText } from './number-text.js';

/** Writes OUT/labels/STEM.txt for every image, also for those without a box, and OUT/data.yaml with one split `train`. */
export async function writeYolo(dataset: Dataset, images: readonly ConvertedImage[], out: string): Promise<string> {
  for (const { sample, stem } of images) {
    const file = join(out, 'labels', `${stem}.txt`);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, labelLines(sample));
  }
  const names = dataset.classes.map((name, i) => `  ${i}: ${JSON.stringify(name)}\n`);
  const file = join(out, 'data.yaml');
  await writeFile(file, `path: .\ntrain: images\nnames:\n${names.join('')}`);
  return `yolo:${file}`;
}

function labelLines({ gtBoxesXyxy, gtLabels, width, height }: SampleRef): string {
  const lines = [...gtLabels].map((label, g) => {
    const [x1, y1, x2, y2] = gtBoxesXyxy.subarray(4 * g, 4 * g + 4) as unknown as [number, number, number, number];
    const shares = [(x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height];
    return `${label} ${shares.map(shareText).join(' ')}\n`;
  });
  return lines.join('');
}
