import { describe, expect, it } from 'vitest';
import { type CalibrationMethod, calibrationMethods, createCollector } from './range-collectors.js';

function rangeOf(method: CalibrationMethod, parts: readonly Float32Array[], isSymmetric = false) {
  const collector = createCollector(method, { isSymmetric, percentile: 99 });
  for (const part of parts) collector.add(part);
  return collector.range();
}

/** Bell-shaped values from a fixed sequence. */
const bell = (count: number, seed = 1) =>
  Float32Array.from({ length: count }, (_, i) => {
    const uniform = (k: number) => {
      const x = Math.sin((i + 1) * 12.9898 * k + seed) * 43758.5453;
      return x - Math.floor(x);
    };
    return uniform(1) + uniform(2) + uniform(3) - 1.5;
  });

describe.each(calibrationMethods)('%s', (method) => {
  it.each([false, true])('gives a tensor that is always 0 the range 0 (symmetric: %s)', (isSymmetric) => {
    const { low, high } = rangeOf(method, [new Float32Array(100), new Float32Array(50)], isSymmetric);
    expect([Math.abs(low), Math.abs(high)]).toEqual([0, 0]);
  });

  it('gives a tensor without a value the range 0', () => {
    expect(rangeOf(method, [new Float32Array(0)])).toEqual({ low: 0, high: 0 });
  });

  it.each([false, true])('stays within what it saw and holds most of it (symmetric: %s)', (isSymmetric) => {
    const values = bell(5000);
    const { low, high } = rangeOf(method, [values], isSymmetric);
    const reach = isSymmetric ? Math.max(...values.map(Math.abs)) : undefined;
    expect(low).toBeGreaterThanOrEqual(-(reach ?? Math.max(...values.map((v) => -v))) - 1e-6);
    expect(high).toBeLessThanOrEqual((reach ?? Math.max(...values)) + 1e-6);
    const inside = values.filter((value) => value >= low && value <= high).length;
    expect(inside / values.length).toBeGreaterThan(0.9);
  });

  it('finds the same over images as over all of them at once, up to two bins', () => {
    const images = [bell(4000, 1), bell(4000, 2), bell(4000, 3)];
    const all = new Float32Array(12_000);
    images.forEach((image, i) => all.set(image, i * 4000));
    const [one, many] = [rangeOf(method, [all]), rangeOf(method, images)];
    // The entropy of nearly equal candidates is noise; the others are smooth.
    const tolerance = method === 'entropy' ? 0.3 : method === 'mse' ? 0.03 : (2 * 3) / 2048;
    expect(Math.abs(one.low - many.low)).toBeLessThan(tolerance);
    expect(Math.abs(one.high - many.high)).toBeLessThan(tolerance);
  });
});

describe('an outlier', () => {
  const values = [bell(20_000), Float32Array.of(60)];

  it('stretches minmax, but neither entropy nor percentile', () => {
    expect(rangeOf('minmax', values).high).toBe(60);
    for (const method of ['entropy', 'percentile'] as const)
      expect(rangeOf(method, values).high, method).toBeLessThan(6);
  });

  it('ten million times as large as the first values asks for no more bins than there may be', () => {
    const first = bell(2000).map((value) => value * 1e-6);
    for (const method of calibrationMethods) {
      for (const isSymmetric of [false, true]) {
        const { low, high } = rangeOf(method, [first, bell(20_000).map((value) => value * 10)], isSymmetric);
        expect(high - low, method).toBeGreaterThan(5);
      }
    }
  });
});

it('zeros before the first other value count as zeros', () => {
  const values = bell(1000).map((value) => Math.abs(value) + 1);
  const { low, high } = rangeOf('percentile', [new Float32Array(9000), values]);
  expect(low).toBeGreaterThanOrEqual(-0.01);
  expect(high).toBeGreaterThan(1);
  const mixed = new Float32Array(10_000);
  mixed.set(values);
  expect(rangeOf('percentile', [mixed])).toEqual({ low, high });
});
