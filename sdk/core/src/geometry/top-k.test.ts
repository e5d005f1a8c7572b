import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { topKIndices } from './top-k.js';

describe('topKIndices', () => {
  it('sorts by score with ties to the lower index', () => {
    expect([...topKIndices(Float32Array.of(1, 3, 3, 2), 3)]).toEqual([1, 2, 3]);
  });

  it('equals a full sort cut to k', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 })), fc.integer({ min: 1, max: 40 }), (values, k) => {
        const all = values.map((_, i) => i).sort((a, b) => values[b]! - values[a]! || a - b);
        expect([...topKIndices(Float32Array.from(values), k)]).toEqual(all.slice(0, k));
      }),
    );
  });

  it('selects among floats of both signs, zeros of both signs and infinities', () => {
    const special = fc.constantFrom(0, -0, Infinity, -Infinity, 2 ** -149, -(2 ** -149));
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.float({ noNaN: true }), special), { minLength: 1, maxLength: 200 }),
        fc.integer({ min: 1, max: 200 }),
        (values, k) => {
          const all = values
            .map((_, i) => i)
            .sort((a, b) => (values[b]! > values[a]! ? 1 : values[b]! < values[a]! ? -1 : a - b));
          expect([...topKIndices(Float32Array.from(values), k)]).toEqual(all.slice(0, k));
        },
      ),
    );
  });

  it('ends with NaN among the scores and returns the best of the others first', () => {
    const scores = Float32Array.of(NaN, 1, 5, NaN, 3, 2);
    new Uint32Array(scores.buffer)[3] = 0xffc00000; // the NaN that x86 makes has its sign set
    expect([...topKIndices(scores, 4)].slice(0, 3)).toEqual([2, 4, 5]);
  });
});
