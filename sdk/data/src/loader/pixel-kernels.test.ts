import { createRandom } from '@plumbline/core/random';
import { describe, expect, it } from 'vitest';
import type { LabelledImage } from './labelled-image.js';
import { PixelKernels } from './pixel-kernels.js';

const normalization = { mean: [100, 110, 120], std: [50, 60, 70] } as const;
const size = { width: 37, height: 29 };

function imageOf(channels: 1 | 3): LabelledImage {
  const random = createRandom(channels);
  const data = Uint8Array.from({ length: size.width * size.height * channels }, () => random.int(256));
  return { ...size, channels, data, boxesXyxy: new Float32Array(), labels: new Int32Array() };
}

const flags = [false, true];
const orientations = flags.flatMap((transpose) =>
  flags.flatMap((horizontal) => flags.map((vertical) => ({ transpose, horizontal, vertical }))),
);

describe('PixelKernels', () => {
  it.each([1, 3] as const)('orients, changes levels and normalises %s channels', (channels) => {
    const image = imageOf(channels);
    const levels = Uint8Array.from({ length: 256 }, (_, i) => 255 - Math.floor(i / 2));
    const kernels = new PixelKernels({ ...normalization, mean: [...normalization.mean], std: [...normalization.std] });
    const [rows, columns] = [48, 40];
    for (const orientation of orientations) {
      const out = new Float32Array(rows * columns * 3).fill(NaN);
      kernels.write({ image, noise: undefined, levels }, orientation, out, [rows, columns]);
      const [height, width] = orientation.transpose ? [size.width, size.height] : [size.height, size.width];
      const expected = new Float32Array(out.length);
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < Math.min(width, columns); x++) {
          const v = orientation.vertical ? height - 1 - y : y;
          const u = orientation.horizontal ? width - 1 - x : x;
          const pixel = orientation.transpose ? u * size.width + v : v * size.width + u;
          for (let c = 0; c < 3; c++) {
            const level = levels[image.data[pixel * channels + (channels === 3 ? c : 0)]!]!;
            expected[3 * (y * columns + x) + c] = (level - normalization.mean[c]!) / normalization.std[c]!;
          }
        }
      }
      expect(out).toEqual(expected);
    }
  });

  it('adds noise of mean 0 and the given deviation, the same for the same state, and clamps it', () => {
    const kernels = new PixelKernels({ mean: [0, 0, 0], std: [1, 1, 1] });
    const flat = (level: number): LabelledImage => ({
      ...imageOf(1),
      width: 300,
      height: 301,
      data: new Uint8Array(300 * 301).fill(level),
    });
    const noisy = (level: number, state: number) => {
      const out = new Float32Array(300 * 301 * 3);
      const augmented = { image: flat(level), noise: { sigma: 12, state }, levels: undefined };
      kernels.write(augmented, { transpose: false, horizontal: false, vertical: false }, out, [301, 300]);
      return out.filter((_, i) => i % 3 === 0);
    };
    const values = noisy(128, 77);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    expect(mean).toBeCloseTo(128, 0);
    expect(deviation).toBeGreaterThan(11.7);
    expect(deviation).toBeLessThan(12.3);
    expect(noisy(128, 77)).toEqual(values);
    expect(noisy(128, 79)).not.toEqual(values);
    const [dark, bright] = [noisy(2, 5), noisy(253, 5)];
    expect([Math.min(...dark), Math.max(...bright)]).toEqual([0, 255]);
    expect([Math.max(...dark) < 80, Math.min(...bright) > 170]).toEqual([true, true]);
  });
});
