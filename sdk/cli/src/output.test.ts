import { afterEach, describe, expect, it, vi } from 'vitest';
import { formatDuration, Progress } from './output.js';

afterEach(() => void vi.useRealTimers());

describe('formatDuration', () => {
  it.each([
    [0, '0:00'],
    [75, '1:15'],
    [3700, '1:01:40'],
  ])('writes %s s as %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));
});

describe('Progress', () => {
  it('prints rate and remaining time, counting only what this run did', () => {
    vi.useFakeTimers({ now: 0 });
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const progress = new Progress('train', 110, 'steps', 10);
    vi.setSystemTime(10_000);
    progress.update(60, 'loss 1');
    expect(write.mock.calls[0]?.[0]).toContain('train 60/110 steps (55 %) 5.0/s ETA 0:10 loss 1');
    write.mockRestore();
  });
});
