import { describe, expect, it } from 'vitest';
import { LatestWinsMailbox } from './mailbox.js';

describe('LatestWinsMailbox', () => {
  it('keeps order while the consumer keeps up', async () => {
    const box = new LatestWinsMailbox<number>(3);
    expect([box.put(1), box.put(2), box.put(3)]).toEqual([undefined, undefined, undefined]);
    expect([await box.take(), await box.take(), await box.take()]).toEqual([1, 2, 3]);
  });

  it('hands back the oldest item when every slot is taken', async () => {
    const box = new LatestWinsMailbox<number>(2);
    box.put(1);
    box.put(2);
    expect(box.put(3)).toBe(1);
    expect([await box.take(), await box.take()]).toEqual([2, 3]);
  });

  it('hands an item to a waiting taker at once', async () => {
    const box = new LatestWinsMailbox<number>(1);
    const taken = box.take();
    expect(box.put(7)).toBeUndefined();
    expect(await taken).toBe(7);
    expect(box.depth).toBe(0);
  });

  it('lets what waits be taken after close and refuses what comes later', async () => {
    const box = new LatestWinsMailbox<number>(3);
    box.put(1);
    box.close();
    expect(box.put(2)).toBe(2);
    expect([await box.take(), await box.take()]).toEqual([1, undefined]);
  });

  it('putWhenFree waits for a slot and loses nothing', async () => {
    const box = new LatestWinsMailbox<number>(1);
    const got: number[] = [];
    const producer = (async () => {
      for (let i = 0; i < 20; i++) expect(await box.putWhenFree(i)).toBe(true);
      box.close();
    })();
    for (let item = await box.take(); item !== undefined; item = await box.take()) {
      expect(box.depth).toBeLessThanOrEqual(1);
      got.push(item);
    }
    await producer;
    expect(got).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  it('putWhenFree returns false when the mailbox is closed while it waits', async () => {
    const box = new LatestWinsMailbox<number>(1);
    box.put(1);
    const waiting = box.putWhenFree(2);
    box.close();
    expect(await waiting).toBe(false);
  });
});
