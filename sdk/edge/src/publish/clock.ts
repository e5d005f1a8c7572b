import { randomFillSync } from 'node:crypto';

/** Wall clock, passed in so that tests own the time. */
export interface Clock {
  /** Unix epoch milliseconds. */
  nowMs(): number;
}

/** Source of randomness, passed in so that tests can repeat a run. */
export interface RandomSource {
  /** Uniform in [0, 1). */
  fraction(): number;
  /** Fills the array and returns it. */
  fill(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>;
}

export const systemClock: Clock = { nowMs: () => Date.now() };
export const systemRandom: RandomSource = { fraction: () => Math.random(), fill: (bytes) => randomFillSync(bytes) };
