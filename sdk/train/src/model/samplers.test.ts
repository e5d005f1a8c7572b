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

  it('section 10 item 3: gives exactly 512 rows of 512 or more proposals, however many are positive', () => {
    for (const [proposals, positives] of [
      [512, 0],
      [512, 512],
      [1000, 40],
      [1000, 600],
      [1000, 1000],
    ] as const) {
      const assigned = Int32Array.from({ length: proposals }, (_, i) => (i % 1000 < positives ? i % 3 : -1));
      const { positive, negative } = positiveSample(assigned, 512, first);
      expect([positive.length, positive.length + negative.length]).toEqual([Math.min(512, positives), 512]);
    }
  });

  it('gives what there is when there are fewer candidates, and nothing of none', () => {
    const few = positiveSample(gtIndex, 512, first);
    expect([few.positive.length, few.negative.length]).toEqual([4, 6]);
    const none = positiveSample(new Int32Array(), 512, first);
    expect([none.positive.length, none.negative.length]).toEqual([0, 0]);
  });

  it('lets the caller choose among more positives than asked for, and among negatives', () => {
    const last = (candidates: Int32Array, k: number) => candidates.slice(-k);
    expect([...positiveSample(gtIndex, 3, last).positive]).toEqual([2, 5, 7]);
    expect([...positiveSample(gtIndex, 5, last).negative]).toEqual([10]);
    expect([...randomSample(gtIndex, 4, 0.25, last).positive]).toEqual([7]);
  });
});
