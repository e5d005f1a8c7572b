import sharp from 'sharp';
import { labelledBoxesSvg } from '../draw/index.js';
import type { Batch } from './batch-loader.js';

export interface DrawBatchOptions {
  readonly classes: readonly string[];
  /** What the pixels were normalised with. */
  readonly normalization: {
    readonly mean: readonly [number, number, number];
    readonly std: readonly [number, number, number];
  };
  /** Longer side of one image on the sheet, px; larger ones are scaled down. */
  readonly cellSidePx?: number;
}

const gapPx = 8;
const ink = { r: 24, g: 24, b: 28 };

/**
 * A contact sheet of a batch as the network sees it, padding included, with boxes and class names.
 * @returns the picture as PNG
 */
export async function drawBatch(batch: Batch, options: DrawBatchOptions): Promise<Buffer> {
  const [height, width] = batch.sizeHw;
  const scale = Math.min(1, (options.cellSidePx ?? 640) / Math.max(height, width));
  const cellWidth = Math.max(1, Math.round(width * scale));
  const cellHeight = Math.max(1, Math.round(height * scale));
  const columns = Math.ceil(Math.sqrt(batch.gt.length));
  const rows = Math.ceil(batch.gt.length / columns);
  const cells = await Promise.all(
    batch.gt.map(async ({ boxesXyxy, labels }, b) => {
      const data = levelsOf(batch, b, options.normalization);
      const boxes = Array.from(labels, (classId, i) => ({
        classId,
        text: options.classes[classId] ?? String(classId),
        boxXyxy: [0, 1, 2, 3].map((k) => boxesXyxy[4 * i + k]! * scale) as [number, number, number, number],
      }));
      const overlay = Buffer.from(labelledBoxesSvg(cellWidth, cellHeight, boxes));
      const input = await sharp(data, { raw: { width, height, channels: 3 } })
        .resize(cellWidth, cellHeight, { fit: 'fill' })
        .composite([{ input: overlay }])
        .png()
        .toBuffer();
      const left = gapPx + (b % columns) * (cellWidth + gapPx);
      return { input, left, top: gapPx + Math.floor(b / columns) * (cellHeight + gapPx) };
    }),
  );
  const sheet = {
    width: gapPx + columns * (cellWidth + gapPx),
    height: gapPx + rows * (cellHeight + gapPx),
    channels: 3 as const,
    background: ink,
  };
  return sharp({ create: sheet }).composite(cells).png().toBuffer();
}

/** [H, W, 3] 8-bit levels of one image of a batch. */
function levelsOf(batch: Batch, index: number, { mean, std }: DrawBatchOptions['normalization']): Uint8Array {
  const values = batch.sizeHw[0] * batch.sizeHw[1] * 3;
  const pixels = batch.pixels.subarray(index * values, (index + 1) * values);
  const levels = new Uint8ClampedArray(values);
  for (let i = 0; i < values; i++) levels[i] = pixels[i]! * std[i % 3]! + mean[i % 3]!;
  return new Uint8Array(levels.buffer);
}
