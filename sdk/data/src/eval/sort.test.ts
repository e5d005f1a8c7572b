import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupRows, orderByDescendingScore } from './sort.js';

describe('orderByDescendingScore', () => {
  it('keeps the order of equal scores', () => {
    expect([...orderByDescendingScore(Float64Array.of(0.5, 0.9, 0.5, 0.9, 0.1))]).toEqual([1, 3, 0, 2, 4]);
  });

  it('orders as a stable sort of the indices does', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 })), (values) => {
        const expected = values.map((_, i) => i).sort((a, b) => values[b]! - values[a]!);
        expect([...orderByDescendingScore(Float64Array.from(values))]).toEqual(expected);
      }),
    );
  });
});

describe('groupRows', () => {
  it('groups rows by key in their order and leaves empty groups empty', () => {
    const { starts, rows } = groupRows(Int32Array.of(2, 0, 2, 0), 4);
    expect([...starts]).toEqual([0, 2, 2, 4, 4]);
    expect([...rows]).toEqual([1, 3, 0, 2]);
  });

  it('groups a selection of the rows', () => {
    const { starts, rows } = groupRows(Int32Array.of(1, 0, 1, 0), 2, Int32Array.of(3, 2, 1));
    expect([...starts]).toEqual([0, 2, 3]);
    expect([...rows]).toEqual([3, 1, 2]);
  });
});
