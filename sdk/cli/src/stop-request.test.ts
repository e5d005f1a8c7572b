import { afterEach, describe, expect, it, vi } from 'vitest';
import { StopRequest } from './stop-request.js';

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
let stop: StopRequest;
afterEach(() => {
  stop.dispose();
  vi.restoreAllMocks();
});

describe('StopRequest', () => {
  it('takes two signals of one Ctrl-C as one request and a later one as the second', async () => {
    const first = vi.fn();
    const second = vi.fn();
    stop = new StopRequest(first, second);
    expect(stop.isRequested).toBe(false);
    process.emit('SIGINT');
    process.emit('SIGINT');
    await stop.requested;
    expect(stop.isRequested).toBe(true);
    expect(first).toHaveBeenCalledTimes(1);
    expect(second).not.toHaveBeenCalled();
    await wait(1050);
    process.emit('SIGTERM');
    expect(second).toHaveBeenCalledTimes(1);
  });

  it('lets go of the signals when disposed of', () => {
    const before = process.listenerCount('SIGINT');
    stop = new StopRequest(vi.fn(), vi.fn());
    expect(process.listenerCount('SIGINT')).toBe(before + 1);
    stop.dispose();
    expect(process.listenerCount('SIGINT')).toBe(before);
  });
});
