/** Shapes in this module: H, W size in px, C channels (1 grey, 3 RGB), G boxes; boxes are px, width = x2 - x1 (no +1). */

/** An image in memory with its boxes. `data` may be shared memory of the cache: whoever changes pixels copies first. */
export interface LabelledImage {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  /** [H, W, C] 8 bit. */
  readonly data: Uint8Array;
  /** [G*4], 0 <= x1 < x2 <= W and 0 <= y1 < y2 <= H. */
  readonly boxesXyxy: Float32Array;
  /** [G] class ids. */
  readonly labels: Int32Array;
}

/** A rectangle of whole pixels. */
export interface Window {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export type BoxXyxy = readonly [x1: number, y1: number, x2: number, y2: number];

export const boxAt = (boxesXyxy: Float32Array | Float64Array, index: number): BoxXyxy => [
  boxesXyxy[4 * index]!,
  boxesXyxy[4 * index + 1]!,
  boxesXyxy[4 * index + 2]!,
  boxesXyxy[4 * index + 3]!,
];

/** An image of one level everywhere, without boxes; `fill` is that level. */
export function blankPixels([height, width]: readonly [number, number], channels: 1 | 3, fill: Fill): Uint8Array {
  const data = new Uint8Array(height * width * channels);
  if (channels === 1) return data.fill(fill.grey);
  for (let i = 0; i < data.length; i++) data[i] = fill.rgb[i % 3]!;
  return data;
}

/** The level that stands where no image is: the mean of the normalisation, which the network sees as zero. */
export interface Fill {
  readonly grey: number;
  readonly rgb: readonly [number, number, number];
}

export function fillOf(mean: readonly [number, number, number]): Fill {
  const level = (value: number) => Math.max(0, Math.min(255, Math.round(value)));
  return { grey: level((mean[0] + mean[1] + mean[2]) / 3), rgb: [level(mean[0]), level(mean[1]), level(mean[2])] };
}

/** The same pixels with three channels. */
export function toRgb(image: LabelledImage): LabelledImage {
  if (image.channels === 3) return image;
  const data = new Uint8Array(image.data.length * 3);
  for (let i = 0, o = 0; i < image.data.length; i++, o += 3) {
    const value = image.data[i]!;
    data[o] = value;
    data[o + 1] = value;
    data[o + 2] = value;
  }
  return { ...image, channels: 3, data };
}

/** Copies a window of `image` to (toX, toY) of a canvas of the same channels; all of it must fit. */
export function copyWindow(
  image: LabelledImage,
  window: Window,
  canvas: Uint8Array,
  canvasWidth: number,
  toX: number,
  toY: number,
): void {
  const { channels, data } = image;
  for (let row = 0; row < window.height; row++) {
    const from = ((window.y + row) * image.width + window.x) * channels;
    canvas.set(data.subarray(from, from + window.width * channels), ((toY + row) * canvasWidth + toX) * channels);
  }
}
