import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dataset } from '../dataset/index.js';
import { roundPx } from '../dataset/labels.js';
import type { ConvertedImage } from './convert-dataset.js';

/** Writes OUT/annotations.json; ids of images and categories are kept, those of annotations count from 1. */
export async function writeCoco(dataset: Dataset, images: readonly ConvertedImage[], out: string): Promise<string> {
  const { classes, categoryIds } = dataset;
  const idOf = (label: number) => categoryIds?.[label] ?? label + 1;
  const annotations: object[] = [];
  dataset.samples.forEach((sample) => {
    for (let g = 0; g < sample.gtLabels.length; g++) {
      const [x1, y1, x2, y2] = sample.gtBoxesXyxy.subarray(4 * g, 4 * g + 4) as unknown as [
        number,
        number,
        number,
        number,
      ];
      const [width, height] = [roundPx(x2 - x1), roundPx(y2 - y1)];
      annotations.push({
        id: annotations.length + 1,
        image_id: sample.imageId,
        category_id: idOf(sample.gtLabels[g]!),
        bbox: [roundPx(x1), roundPx(y1), width, height],
        area: sample.gtAreas?.[g] ?? roundPx(width * height),
        iscrowd: sample.gtIsCrowd?.[g] ?? 0,
        ...(sample.gtDifficult?.[g] ? { difficult: 1 } : {}),
      });
    }
  });
  const document = {
    images: images.map(({ sample: { imageId, width, height }, name }) => ({
      id: imageId,
      file_name: name,
      width,
      height,
    })),
    categories: classes.map((name, label) => ({ id: idOf(label), name })),
    annotations,
  };
  const file = join(out, 'annotations.json');
  await writeFile(file, `${JSON.stringify(document)}\n`);
  return `coco:${file}@${join(out, 'images')}`;
}
