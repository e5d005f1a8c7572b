import { describe, expect, it } from 'vitest';
import { fullJitterBackoff } from './backoff.js';

const always = (fraction: number) => ({ fraction: () => fraction, fill: (bytes: Uint8Array<ArrayBuffer>) => bytes });

describe('fullJitterBackoff', () => {
  it('doubles its ceiling from 0.5 s to 60 s', () => {
    const backoff = fullJitterBackoff({ random: always(0.999_999) });
    const waits = Array.from({ length: 10 }, () => Math.round(backoff.nextMs()));
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  it('spreads each wait over everything below the ceiling', () => {
    const backoff = fullJitterBackoff({ minMs: 100, maxMs: 100, random: always(0.25) });
    expect([backoff.nextMs(), backoff.nextMs()]).toEqual([25, 25]);
  });

  it('starts again after a reset', () => {
    const backoff = fullJitterBackoff({ random: always(0.5) });
    backoff.nextMs();
    backoff.nextMs();
    backoff.reset();
    expect(backoff.nextMs()).toBe(250);
  });
});
