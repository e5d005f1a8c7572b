import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { DiskWatch } from './disk-watch.js';

const storeDir = await mkdtemp(join(tmpdir(), 'plumbline-disk-'));
afterAll(() => rm(storeDir, { recursive: true }));

describe('DiskWatch', () => {
  it('says that the disk is low and that there is space again', async () => {
    await writeFile(join(storeDir, 'outbox.db'), Buffer.alloc(1234));
    const calls: string[] = [];
    let free = 499_000_000;
    const watch = new DiskWatch({
      storeDir,
      onLow: (error) => calls.push(error.message),
      onEnough: () => calls.push('enough'),
      readFreeBytes: async () => free,
      periodMs: 5,
    });
    await watch.start(new AbortController().signal);
    expect(watch.figures).toEqual({ freeBytes: 499_000_000, usedByStoreBytes: 1234 });
    expect(watch.health().state).toBe('degraded');
    free = 500_000_000;
    while (!calls.includes('enough')) await new Promise((resolve) => setTimeout(resolve, 2));
    await watch.stop();
    expect(calls[0]).toBe(`${storeDir}: 499 MB free, fewer than 500 MB`);
    expect(watch.health().state).toBe('ok');
  });

  it('reads the real disk', async () => {
    const watch = new DiskWatch({ storeDir, onLow: () => {}, onEnough: () => {} });
    await watch.start(new AbortController().signal);
    await watch.stop();
    expect(watch.figures.freeBytes).toBeGreaterThan(0);
  });
});
