import type { LabelledImage } from './labelled-image.js';

/** Below this the largest weight beside the centre is under 1 / 256. */
export const leastSigma = 0.3;

/**
 * Gaussian blur, first along rows, then along columns; the edge pixel is repeated beyond the edge. Weights are whole
 * 256ths, the value between the two passes keeps 8 binary places.
 * @param sigma standard deviation in px, at least {@link leastSigma}
 */
export function blur(image: LabelledImage, sigma: number): LabelledImage {
  const { width, height, channels, data } = image;
  const weights = kernel(sigma);
  const radius = (weights.length - 1) / 2;
  const rowLength = width * channels;
  const between = new Uint16Array(data.length);
  const padded = new Uint8Array((width + 2 * radius) * channels);
  for (let y = 0; y < height; y++) {
    const row = data.subarray(y * rowLength, (y + 1) * rowLength);
    padded.set(row, radius * channels);
    for (let i = 0; i < radius * channels; i++) {
      padded[i] = row[i % channels]!;
      padded[(width + radius) * channels + i] = row[rowLength - channels + (i % channels)]!;
    }
    for (let i = 0; i < rowLength; i++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k]! * padded[i + k * channels]!;
      between[y * rowLength + i] = sum;
    }
  }
  const out = new Uint8Array(data.length);
  const sums = new Int32Array(rowLength);
  for (let y = 0; y < height; y++) {
    sums.fill(1 << 15);
    for (let k = 0; k < weights.length; k++) {
      const from = Math.max(0, Math.min(height - 1, y + k - radius)) * rowLength;
      const weight = weights[k]!;
      for (let i = 0; i < rowLength; i++) sums[i] = sums[i]! + weight * between[from + i]!;
    }
    for (let i = 0; i < rowLength; i++) out[y * rowLength + i] = sums[i]! >> 16;
  }
  return { ...image, data: out };
}

/** Odd number of weights whose sum is 256: what rounding leaves over goes to the centre. */
function kernel(sigma: number): Int32Array {
  const radius = Math.max(1, Math.ceil(2.5 * sigma));
  const exact = Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)));
  const total = exact.reduce((sum, value) => sum + value, 0);
  const weights = Int32Array.from(exact, (value) => Math.round((256 * value) / total));
  weights[radius]! += 256 - weights.reduce((sum, value) => sum + value, 0);
  return weights;
}
