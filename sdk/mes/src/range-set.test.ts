import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RangeSet } from './range-set.js';

describe('RangeSet', () => {
  it('joins ranges that touch and reports the holes between the others', () => {
    const set = new RangeSet();
    set.add(5n, 6n);
    set.add(1n);
    set.add(3n);
    expect(set.holesAfter(0n)).toEqual([
      [2n, 2n],
      [4n, 4n],
    ]);
    set.add(2n);
    expect([set.endOfRunAfter(0n), set.endOfRunAfter(3n), set.endOfRunAfter(9n)]).toEqual([3n, 3n, 9n]);
    set.add(4n);
    expect([set.endOfRunAfter(0n), set.lowest, set.highest]).toEqual([6n, 1n, 6n]);
    expect(set.holesAfter(0n)).toEqual([]);
  });

  it('answers like a plain set of numbers, whatever was added in which order', () => {
    const range = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 8 }));
    fc.assert(
      fc.property(fc.array(range, { maxLength: 30 }), fc.integer({ min: 0, max: 70 }), (ranges, probe) => {
        const set = new RangeSet();
        const plain = new Set<number>();
        for (const [from, length] of ranges) {
          set.add(BigInt(from), BigInt(from + length));
          for (let value = from; value <= from + length; value++) plain.add(value);
        }
        const highest = Math.max(0, ...plain);
        const holes: number[] = [];
        for (let value = probe + 1; value < highest; value++) if (!plain.has(value)) holes.push(value);
        let end = probe;
        while (plain.has(end + 1)) end += 1;
        expect(set.has(BigInt(probe))).toBe(plain.has(probe));
        expect(set.endOfRunAfter(BigInt(probe))).toBe(BigInt(end));
        const found = set.holesAfter(BigInt(probe)).flatMap(([from, to]) => {
          const values: number[] = [];
          for (let value = from; value <= to; value++) values.push(Number(value));
          return values;
        });
        expect(found).toEqual(holes);
      }),
    );
  });
});
