import type { ImageRgb } from './image.js';

/**
 * Bilinear resize with half-pixel centres and without antialiasing: the same sampling as ONNX Resize (linear,
 * half_pixel), rounded to 8 bit.
 */
export function resizeBilinear(image: ImageRgb, sizeHw: readonly [number, number]): ImageRgb {
  const [height, width] = sizeHw;
  if (height === image.height && width === image.width) return image;
  const columns = sampleAxis(image.width, width);
  const rows = sampleAxis(image.height, height);
  const data = new Uint8Array(height * width * 3);
  const source = image.data;
  let at = 0;
  for (let y = 0; y < height; y++) {
    const top = rows.low[y]! * image.width * 3;
    const bottom = rows.high[y]! * image.width * 3;
    const fy = rows.fraction[y]!;
    for (let x = 0; x < width; x++) {
      const left = columns.low[x]! * 3;
      const right = columns.high[x]! * 3;
      const fx = columns.fraction[x]!;
      for (let c = 0; c < 3; c++) {
        const a = source[top + left + c]! + (source[top + right + c]! - source[top + left + c]!) * fx;
        const b = source[bottom + left + c]! + (source[bottom + right + c]! - source[bottom + left + c]!) * fx;
        data[at++] = a + (b - a) * fy + 0.5;
      }
    }
  }
  return { width, height, data };
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
