import { describe, expect, it } from 'vitest';
import { exactFloat16, fromFloat16Bits, toFloat16Bits } from './float16.js';

describe('toFloat16Bits', () => {
  it.each([
    ['zero', 0, 0x0000],
    ['negative zero', -0, 0x8000],
    ['one', 1, 0x3c00],
    ['minus two', -2, 0xc000],
    ['the largest number', 65504, 0x7bff],
    ['what rounds to infinity', 65520, 0x7c00],
    ['the smallest normal number', 2 ** -14, 0x0400],
    ['the largest subnormal number', 2 ** -14 - 2 ** -24, 0x03ff],
    ['the smallest subnormal number', 2 ** -24, 0x0001],
    ['a tie at half the smallest one, to even', 2 ** -25, 0x0000],
    ['a tie upwards to even', 1 + 3 * 2 ** -11, 0x3c02],
    ['a tie downwards to even', 1 + 2 ** -11, 0x3c00],
    ['a carry into the exponent', 2 - 2 ** -12, 0x4000],
    ['a carry from subnormal to normal', 2 ** -14 - 2 ** -26, 0x0400],
    ['what vanishes', 1e-10, 0x0000],
  ])('rounds %s', (_, value, bits) => {
    expect(toFloat16Bits(value)).toBe(bits);
  });

  it('gives back the bits of every finite number', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      if ((bits & 0x7c00) === 0x7c00) continue;
      expect(toFloat16Bits(fromFloat16Bits(bits))).toBe(bits);
    }
  });
});

describe('exactFloat16', () => {
  it('returns bits only when every value is a binary16 number', () => {
    expect(exactFloat16([0.5, -3])).toEqual(Uint16Array.of(0x3800, 0xc200));
    expect(exactFloat16([0.5, 0.1])).toBeUndefined();
  });
});
