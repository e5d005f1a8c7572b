import type { TrainConfig } from '@plumbline/contract';
import type { Random } from '@plumbline/core/random';

/** A square-free image in memory with its boxes; `data` is [height, width, 3] 8 bit. */
export interface LabelledImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
  readonly boxesXyxy: Float32Array;
  readonly labels: Int32Array;
}

export interface Flip {
  readonly horizontal: boolean;
  readonly vertical: boolean;
  /** Rows become columns, before the flips; only for square images, so that a batch keeps one size. */
  readonly transpose: boolean;
}

export function drawFlip(augment: TrainConfig['augment'], isSquare: boolean, random: Random): Flip {
  // Every number is drawn whether used or not, so that a switched-off augmentation does not move the others.
  const [h, v, t] = [random.next(), random.next(), random.next()];
  return {
    horizontal: augment.flipHorizontal && h < 0.5,
    vertical: augment.flipVertical && v < 0.5,
    transpose: augment.transpose && isSquare && t < 0.5,
  };
}

/** Boxes of the transformed image, in its pixels. */
export function flipBoxes(image: LabelledImage, flip: Flip): Float32Array {
  const out = new Float32Array(image.boxesXyxy.length);
  for (let i = 0; i < out.length; i += 4) {
    let [x1, y1, x2, y2] = image.boxesXyxy.subarray(i, i + 4) as unknown as [number, number, number, number];
    if (flip.transpose) [x1, y1, x2, y2] = [y1, x1, y2, x2];
    if (flip.horizontal) [x1, x2] = [image.width - x2, image.width - x1];
    if (flip.vertical) [y1, y2] = [image.height - y2, image.height - y1];
    out.set([x1, y1, x2, y2], i);
  }
  return out;
}

/**
 * Writes the transformed, normalised pixels into a batch.
 * @param table [256 * 3] normalised value of each level of each channel
 * @param out   [rows, rowPixels, 3] float32, filled from its start; the rest stays zero (padding)
 */
export function writePixels(
  image: LabelledImage,
  flip: Flip,
  table: Float32Array,
  out: Float32Array,
  rowPixels: number,
): void {
  const { width, height, data } = image;
  for (let y = 0; y < height; y++) {
    const fromY = flip.vertical ? height - 1 - y : y;
    let at = y * rowPixels * 3;
    for (let x = 0; x < width; x++) {
      const fromX = flip.horizontal ? width - 1 - x : x;
      const from = 3 * (flip.transpose ? fromX * width + fromY : fromY * width + fromX);
      out[at++] = table[3 * data[from]!]!;
      out[at++] = table[3 * data[from + 1]! + 1]!;
      out[at++] = table[3 * data[from + 2]! + 2]!;
    }
  }
}
