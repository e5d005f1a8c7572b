import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { mapConcurrently } from './parallel.js';

describe('mapConcurrently', () => {
  it('gives results in the order of the items, with no more under way than the limit', async () => {
    let underWay = 0;
    let most = 0;
    const results = await mapConcurrently(
      [30, 1, 20, 2, 10],
      async (ms) => {
        most = Math.max(most, ++underWay);
        await sleep(ms);
        underWay--;
        return ms * 2;
      },
      2,
    );
    expect(results).toEqual([60, 2, 40, 4, 20]);
    expect(most).toBe(2);
  });

  it('begins nothing after a failure and ends only when nothing is at work', async () => {
    const begun: number[] = [];
    const ended: number[] = [];
    const work = mapConcurrently(
      [1, 2, 3, 4],
      async (item) => {
        begun.push(item);
        if (item === 1) throw new Error('first');
        await sleep(20);
        ended.push(item);
      },
      2,
    );
    await expect(work).rejects.toThrow('first');
    expect(begun).toEqual([1, 2]);
    expect(ended).toEqual([2]);
  });
});
