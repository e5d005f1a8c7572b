import { type RandomSource, systemRandom } from './clock.js';

/** Times between two attempts to reach the broker. */
export interface Backoff {
  /** Time to wait before the next attempt, ms. */
  nextMs(): number;
  /** Starts from the shortest wait again. */
  reset(): void;
}

/**
 * Full jitter: a uniform random time below a ceiling that doubles from `minMs` to `maxMs`, so that many stations that
 * lost the same broker do not return at the same moment. The first wait is below `minMs`: a restarted broker is found
 * at once.
 */
export function fullJitterBackoff(options: { minMs?: number; maxMs?: number; random?: RandomSource } = {}): Backoff {
  const { minMs = 500, maxMs = 60_000, random = systemRandom } = options;
  let ceilingMs = minMs;
  return {
    nextMs() {
      const waitMs = random.fraction() * ceilingMs;
      ceilingMs = Math.min(maxMs, ceilingMs * 2);
      return waitMs;
    },
    reset() {
      ceilingMs = minMs;
    },
  };
}
