import { createRandom } from '@plumbline/core/random';
import { findNearPairs, hashDistance, signatureOf } from '@plumbline/data/inspect';
import { describe, expect, it } from 'vitest';

/** Blobs of light on dark, as a function of place so that it can be drawn at any size. */
function scene(seed: number, size: number, change: (grey: number, x: number, y: number) => number = (grey) => grey) {
  const random = createRandom(seed);
  const blobs = Array.from({ length: 12 }, () => [random.next(), random.next(), 0.03 + random.next() / 8] as const);
  const data = new Uint8Array(3 * size * size);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const [u, v] = [x / size, y / size];
      const light = blobs.reduce((sum, [bx, by, r]) => sum + Math.exp(-((u - bx) ** 2 + (v - by) ** 2) / r ** 2), 0);
      const grey = Math.min(255, Math.max(0, change(40 + 120 * light, u, v)));
      data.fill(grey, 3 * (y * size + x), 3 * (y * size + x) + 3);
    }
  }
  return { width: size, height: size, data };
}

describe('findNearPairs', () => {
  it('finds the same scene at another size, brightness and with a scratch, and no other scene', () => {
    const scratched = (grey: number, x: number, y: number) => (Math.abs(x - y) < 0.01 && x < 0.2 ? 255 : grey);
    const images = [
      scene(1, 160),
      scene(2, 160),
      scene(1, 200),
      scene(3, 160),
      scene(2, 160, (grey) => grey + 20),
      scene(3, 160, scratched),
    ].map(signatureOf);
    const pairs = findNearPairs(images, 6);
    expect(pairs.map(({ a, b }) => [a, b]).sort()).toEqual([
      [0, 2],
      [1, 4],
      [3, 5],
    ]);
    expect(hashDistance(images[0]!.hash, images[1]!.hash)).toBeGreaterThan(40);
  });

  it('does not take two nearly plain images for the same', () => {
    const dot = (cx: number, cy: number) => ({
      ...scene(1, 160, (_, x, y) => (Math.hypot(x - cx, y - cy) < 0.3 ? 20 : 250)),
    });
    expect(findNearPairs([dot(0.1, 0.1), dot(0.9, 0.9)].map(signatureOf), 15)).toEqual([]);
  });

  it('does not compare images with nothing on them but a speck', () => {
    const speck = (x: number) => scene(1, 160, (_, u, v) => (Math.hypot(u - x, v - 0.5) < 0.02 ? 20 : 250));
    expect(findNearPairs([speck(0.3), speck(0.32)].map(signatureOf), 15)).toEqual([]);
  });

  it('compares every pair that differs in up to fifteen bits', () => {
    const random = createRandom(4);
    const base = Uint32Array.from({ length: 8 }, () => random.int(2 ** 31));
    const cells = Float64Array.from({ length: 272 }, (_, i) => (i % 2 === 0 ? 50 : -50));
    const images = Array.from({ length: 30 }, (_, i) => {
      const hash = base.slice();
      for (let bit = 0; bit < 8; bit++) hash[(i + bit) % 8]! ^= 1 << ((3 * i + 5 * bit) % 32);
      return { hash, cells, digest: String(i) };
    });
    const expected = images.flatMap((x, a) =>
      images.flatMap((y, b) => (a < b && hashDistance(x.hash, y.hash) <= 15 ? [[a, b]] : [])),
    );
    const found = findNearPairs(images, 15).map(({ a, b }) => [a, b]);
    expect(found.length).toBeGreaterThan(20);
    expect(found.sort()).toEqual(expected.sort());
  });

  it('gives equal pixels the same digest, and only those', () => {
    expect(signatureOf(scene(1, 64)).digest).toBe(signatureOf(scene(1, 64)).digest);
    expect(signatureOf(scene(1, 64)).digest).not.toBe(signatureOf(scene(2, 64)).digest);
  });
});
