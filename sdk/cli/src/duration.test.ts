import { describe, expect, it } from 'vitest';
import { parseDurationMs } from './duration.js';

describe('parseDurationMs', () => {
  it('reads ms, s, m and h', () => {
    expect(['500ms', '20s', '1.5m', '2h'].map(parseDurationMs)).toEqual([500, 20_000, 90_000, 7_200_000]);
  });

  it('refuses anything else and says what is accepted', () => {
    for (const text of ['', '20', '-1s', '0s', '1d', '99999h']) {
      expect(() => parseDurationMs(text), text).toThrow(/is not a duration; accepted: a number with ms, s, m or h/);
    }
  });
});
