import { trainConfigSchema } from '@plumbline/contract';
import { loadConfig } from '@plumbline/core/config';
import type { Dataset } from '@plumbline/data/dataset';
import { writeOutput } from './output-file.js';

export interface AugmentSheetOptions {
  readonly file: string;
  /** train.yaml whose augmentation is shown; without one every kind at a moderate strength. */
  readonly config?: string;
  /** Images on the sheet. */
  readonly count: number;
}

const everyKind = {
  imageSizeHw: [640, 640],
  augment: {
    flipVertical: true,
    rotate90: true,
    scale: [0.8, 1.25],
    aspect: 1.15,
    crop: {},
    brightness: 0.15,
    contrast: 0.2,
    gamma: 1.3,
    noise: 6,
    blur: 1,
    copyPaste: {},
    mosaic: 0.25,
  },
};

/** Writes one batch as the network would see it, with its boxes, as a PNG. */
export async function writeAugmentSheet(dataset: Dataset, { file, config, count }: AugmentSheetOptions): Promise<void> {
  const { BatchLoader, drawBatch } = await import('@plumbline/data/loader');
  const given = config ? loadConfig(config, trainConfigSchema) : trainConfigSchema.parse(everyKind);
  const settings = { ...given, schedule: { ...given.schedule, batchSize: count } };
  const loader = new BatchLoader(dataset, settings);
  try {
    const { classes } = dataset;
    const picture = await drawBatch(await loader.batch(0), {
      classes,
      normalization: given.normalization,
      cellSidePx: 420,
    });
    await writeOutput(file, picture);
  } finally {
    await loader.close();
  }
}
