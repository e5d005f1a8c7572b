import { describe, expect, it } from 'vitest';
import { positiveSample, randomSample } from './samplers.js';

const first = (candidates: Int32Array, k: number) => candidates.slice(0, k);
// Eleven labels one can count by hand: 4 positives, 6 negatives, 1 ignored.
const gtIndex = Int32Array.of(0, -1, 2, -2, -1, 1, -1, 0, -1, -1, -1);

describe('randomSample', () => {
  it('takes at most the positive share and fills with negatives', () => {
    const { positive, negative } = randomSample(gtIndex, 8, 0.25, first);
    expect([...positive]).toEqual([0, 2]);
    expect([...negative]).toEqual([1, 4, 6, 8, 9, 10]);
  });

  it('never takes an ignored prior', () => {
    const { positive, negative } = randomSample(gtIndex, 100, 0.5, first);
    expect(positive.length + negative.length).toBe(10);
    expect([...positive, ...negative]).not.toContain(3);
  });
});

describe('positiveSample', () => {
  it('takes every positive and pads with negatives', () => {
    const { positive, negative } = positiveSample(gtIndex, 6, first);
    expect([...positive]).toEqual([0, 2, 5, 7]);
    expect([...negative]).toEqual([1, 4]);
  });

  it('cuts the positives when there are more than asked for', () => {
    const { positive, negative } = positiveSample(gtIndex, 3, first);
    expect([...positive]).toEqual([0, 2, 5]);
    expect(negative.length).toBe(0);
  });
});
