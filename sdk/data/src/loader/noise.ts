import { createRandom } from '@plumbline/core/random';

/** Numbers that noise is drawn from; any run of {@link runLength} of them is read. */
const tableSize = 16384;
export const runLength = 16;
/** Bytes of each table of {@link writeNoiseTables}: the first run once more at the end, so that a run may begin anywhere. */
export const noiseTableBytes = tableSize + runLength;

/** Gaussian noise of an image. */
export interface Noise {
  /** Standard deviation in levels of 0..255. */
  readonly sigma: number;
  /** Start of the random numbers, uint32, not 0. */
  readonly state: number;
}

/** Standard normal numbers with mean 0 and standard deviation 1 exactly: a look-up is all that 16 pixels cost. */
const standardNormal = (() => {
  const random = createRandom(4096);
  const drawn = Float64Array.from({ length: tableSize }, () => random.normal());
  const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
  const deviation = Math.sqrt(drawn.reduce((sum, value) => sum + (value - mean) ** 2, 0) / drawn.length);
  return drawn.map((value) => (value - mean) / deviation);
})();

/**
 * Noise in whole levels as what is to be added and what is to be subtracted.
 * @param sigma standard deviation in levels
 * @param up    [noiseTableBytes]
 * @param down  [noiseTableBytes]
 */
export function writeNoiseTables(sigma: number, up: Uint8Array, down: Uint8Array): void {
  for (let i = 0; i < tableSize; i++) {
    const levels = Math.round(standardNormal[i]! * sigma);
    up[i] = Math.min(255, Math.max(0, levels));
    down[i] = Math.min(255, Math.max(0, -levels));
  }
  up.copyWithin(tableSize, 0, runLength);
  down.copyWithin(tableSize, 0, runLength);
}
