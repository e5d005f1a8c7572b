/** IEEE 754 binary16 as bit patterns, for weights that are stored in half the space. */

const scratch = new DataView(new ArrayBuffer(4));

/**
 * Nearest binary16 of a number, ties to even; beyond 65504 it is infinite.
 * @returns the 16 bits
 */
export function toFloat16Bits(value: number): number {
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7fffff;
  if (exponent === 0xff) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200);
  const shifted = exponent - 127 + 15;
  if (shifted >= 31) return sign | 0x7c00;
  // The 24-bit significand loses 13 bits, more below the smallest normal number 2^-14.
  const drop = shifted > 0 ? 13 : 14 - shifted;
  if (drop > 24) return sign;
  const significand = fraction | (exponent === 0 ? 0 : 0x800000);
  const kept = significand >>> drop;
  const rest = significand & ((1 << drop) - 1);
  const half = 1 << (drop - 1);
  const rounded = kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0);
  // Of a normal number the hidden bit is taken off; a carry moves on into the exponent as it should.
  return sign | (shifted > 0 ? (shifted << 10) + rounded - 0x400 : rounded);
}

export function fromFloat16Bits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The bits of every value, or undefined when one of them is not exactly a binary16 number. */
export function exactFloat16(values: ArrayLike<number>): Uint16Array | undefined {
  const out = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const bits = toFloat16Bits(values[i]!);
    if (fromFloat16Bits(bits) !== values[i]) return undefined;
    out[i] = bits;
  }
  return out;
}
