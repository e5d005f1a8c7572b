import { createRandom, type Random } from '@plumbline/core/random';

/** Entries of the table that noise is drawn from; a power of two, so that bits of a random number are an index. */
const tableSize = 4096;

/** Standard normal numbers with mean 0 and standard deviation 1 exactly: a look-up is all that a pixel costs. */
const standardNormal = (() => {
  const random = createRandom(4096);
  const drawn = Float64Array.from({ length: tableSize }, () => random.normal());
  const mean = drawn.reduce((sum, value) => sum + value, 0) / tableSize;
  const deviation = Math.sqrt(drawn.reduce((sum, value) => sum + (value - mean) ** 2, 0) / tableSize);
  return drawn.map((value) => (value - mean) / deviation);
})();

/**
 * Adds Gaussian noise to each value after a table of levels, clamped to 0..255.
 * @param data   [n] 8 bit, left as it is
 * @param levels [256]
 * @param sigma  standard deviation in levels
 * @returns [n]
 */
export function addNoise(data: Uint8Array, levels: Uint8Array, sigma: number, random: Random): Uint8Array {
  const table = Int16Array.from(standardNormal, (value) => Math.round(value * sigma));
  const out = new Uint8ClampedArray(data.length);
  // xorshift32 (Marsaglia 2003): two independent table positions from the upper and the middle bits.
  let state = (random.next() * 2 ** 32) | 1;
  const even = data.length & ~1;
  for (let i = 0; i < even; i += 2) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    out[i] = levels[data[i]!]! + table[state >>> 20]!;
    out[i + 1] = levels[data[i + 1]!]! + table[(state >>> 6) & (tableSize - 1)]!;
  }
  if (even < data.length) out[even] = levels[data[even]!]! + table[(state >>> 3) & (tableSize - 1)]!;
  return new Uint8Array(out.buffer);
}
