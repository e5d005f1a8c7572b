import type { ImageRgb } from './image.js';

/**
 * Bilinear resize with half-pixel centres and without antialiasing: the same sampling as ONNX Resize (linear,
 * half_pixel), rounded to 8 bit.
 */
export function resizeBilinear(image: ImageRgb, sizeHw: readonly [number, number]): ImageRgb {
  const [height, width] = sizeHw;
  if (height === image.height && width === image.width) return image;
  return { width, height, data: resizePixels(image.data, [image.height, image.width], 3, sizeHw) };
}

/**
 * The resize of {@link resizeBilinear} for any number of interleaved channels.
 * @param source   [height, width, channels] of `sourceHw`
 * @param channels 1 for grey, 3 for RGB; every channel is resized alone
 * @returns [height, width, channels] of `sizeHw`
 */
export function resizePixels(
  source: Uint8Array,
  sourceHw: readonly [number, number],
  channels: number,
  sizeHw: readonly [number, number],
): Uint8Array<ArrayBuffer> {
  const [height, width] = sizeHw;
  const columns = sampleAxis(sourceHw[1], width);
  const rows = sampleAxis(sourceHw[0], height);
  const data = new Uint8Array(height * width * channels);
  const sourceRow = sourceHw[1] * channels;
  let at = 0;
  for (let y = 0; y < height; y++) {
    const top = rows.low[y]! * sourceRow;
    const bottom = rows.high[y]! * sourceRow;
    const fy = rows.fraction[y]!;
    for (let x = 0; x < width; x++) {
      const left = columns.low[x]! * channels;
      const right = columns.high[x]! * channels;
      const fx = columns.fraction[x]!;
      for (let c = 0; c < channels; c++) {
        const a = source[top + left + c]! + (source[top + right + c]! - source[top + left + c]!) * fx;
        const b = source[bottom + left + c]! + (source[bottom + right + c]! - source[bottom + left + c]!) * fx;
        data[at++] = a + (b - a) * fy + 0.5;
      }
    }
  }
  return data;
}

/** How {@link resizeToFloats} lays out and scales what it writes. */
export interface FloatImageOptions {
  /** Height and width that the source is resized to, px. */
  readonly contentHw: readonly [number, number];
  /** Where its upper left corner lies, px. */
  readonly top: number;
  readonly left: number;
  /** Height and width of the whole image, px. */
  readonly sizeHw: readonly [number, number];
  /** Planes (channel, row, column) or interleaved (row, column, channel). */
  readonly isPlanar: boolean;
  readonly isBgr: boolean;
  /** Colour around the content, 0..255, R, G, B. */
  readonly pad: readonly [number, number, number];
  /** (value - mean) / std, R, G, B. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/**
 * The resize of {@link resizeBilinear}, not rounded, laid into a padded and normalised float image. Rows are resized
 * along x once and mixed along y.
 * @returns [3 * H * W]
 */
export function resizeToFloats(image: ImageRgb, options: FloatImageOptions): Float32Array<ArrayBuffer> {
  const { contentHw, top, left, sizeHw, isPlanar, isBgr, pad, mean, std } = options;
  const [height, width] = sizeHw;
  const [contentHeight, contentWidth] = contentHw;
  const cells = height * width;
  const out = new Float32Array(3 * cells);
  const columns = sampleAxis(image.width, contentWidth);
  const rows = sampleAxis(image.height, contentHeight);
  const step = isPlanar ? 1 : 3;
  const isPadded = contentHeight < height || contentWidth < width;
  const kept: [index: number, values: Float32Array][] = [0, 1].map(() => [-1, new Float32Array(contentWidth)]);
  for (let c = 0; c < 3; c++) {
    const first = (isBgr ? 2 - c : c) * (isPlanar ? cells : 1);
    const factor = 1 / std[c]!;
    const offset = -mean[c]! / std[c]!;
    if (isPadded) {
      const value = (pad[c]! - mean[c]!) / std[c]!;
      for (let i = 0, at = first; i < cells; i++, at += step) out[at] = value;
    }
    for (const slot of kept) slot[0] = -1;
    // The upper row of one output row is often the lower one of the row before.
    const resized = (row: number, other: number): Float32Array => {
      const known = kept.find(([index]) => index === row);
      if (known) return known[1];
      const slot = kept.find(([index]) => index !== other)!;
      slot[0] = row;
      resizeRow(image.data, row * image.width * 3 + c, columns, slot[1]);
      return slot[1];
    };
    for (let y = 0; y < contentHeight; y++) {
      const [low, high] = [rows.low[y]!, rows.high[y]!];
      const upper = resized(low, high);
      const lower = resized(high, low);
      const fy = rows.fraction[y]!;
      let at = first + ((top + y) * width + left) * step;
      for (let x = 0; x < contentWidth; x++, at += step) {
        const a = upper[x]!;
        out[at] = (a + (lower[x]! - a) * fy) * factor + offset;
      }
    }
  }
  return out;
}

function resizeRow(source: Uint8Array, start: number, columns: Axis, out: Float32Array): void {
  const { low, high, fraction } = columns;
  for (let x = 0; x < out.length; x++) {
    const a = source[start + 3 * low[x]!]!;
    out[x] = a + (source[start + 3 * high[x]!]! - a) * fraction[x]!;
  }
}

type Axis = ReturnType<typeof sampleAxis>;

function sampleAxis(from: number, to: number) {
  const low = new Int32Array(to);
  const high = new Int32Array(to);
  const fraction = new Float32Array(to);
  for (let i = 0; i < to; i++) {
    const position = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    low[i] = Math.floor(position);
    high[i] = Math.min(from - 1, low[i]! + 1);
    fraction[i] = position - low[i]!;
  }
  return { low, high, fraction };
}
