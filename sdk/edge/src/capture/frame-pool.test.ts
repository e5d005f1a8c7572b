import { describe, expect, it } from 'vitest';
import { FramePool } from './frame-pool.js';

describe('FramePool', () => {
  it('hands out a released buffer again', () => {
    const pool = new FramePool(2);
    const first = pool.acquire(12);
    pool.release(first);
    expect(pool.acquire(12).buffer).toBe(first.buffer);
  });

  it('keeps no more than its limit and no buffer twice', () => {
    const pool = new FramePool(1);
    const [a, b] = [pool.acquire(3), pool.acquire(3)];
    pool.release(a);
    pool.release(a);
    pool.release(b);
    expect(pool.freeCount).toBe(1);
  });

  it('ignores a buffer that a worker still owns', () => {
    const pool = new FramePool(2);
    const data = pool.acquire(8);
    structuredClone(data.buffer, { transfer: [data.buffer] });
    pool.release(data);
    expect(pool.freeCount).toBe(0);
  });

  it('drops buffers of another size', () => {
    const pool = new FramePool(4);
    pool.release(pool.acquire(3));
    expect(pool.acquire(6).byteLength).toBe(6);
    expect(pool.freeCount).toBe(0);
  });
});
