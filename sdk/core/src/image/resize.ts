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
