/**
 * Hand-over between a source that does not wait and a consumer that may be slower. Up to `slots` items wait in order,
 * which absorbs jitter; when all are taken, the newest item wins and the oldest is handed back as dropped.
 * Pausing the source instead lets the age of frames grow without bound (4.2 s and rising at 30 in, 5 out).
 */
export class LatestWinsMailbox<T> {
  private items: T[] = [];
  private takers: ((item: T | undefined) => void)[] = [];
  private roomWaiters: (() => void)[] = [];
  private isClosed = false;

  constructor(private readonly slots: 1 | 2 | 3) {}

  /** @returns the item that had to give way: the oldest one, or `item` itself after `close` */
  put(item: T): T | undefined {
    if (this.isClosed) return item;
    const taker = this.takers.shift();
    if (taker) {
      taker(item);
      return undefined;
    }
    this.items.push(item);
    return this.items.length > this.slots ? this.items.shift() : undefined;
  }

  /** Lossless variant: waits until a slot is free. @returns false when the mailbox was closed instead */
  async putWhenFree(item: T): Promise<boolean> {
    while (!this.isClosed && this.items.length >= this.slots) {
      await new Promise<void>((resolve) => this.roomWaiters.push(resolve));
    }
    return this.put(item) === undefined;
  }

  /** The oldest waiting item; waits for one. @returns undefined once closed and empty */
  take(): Promise<T | undefined> {
    const item = this.items.shift();
    if (item !== undefined) {
      this.roomWaiters.shift()?.();
      return Promise.resolve(item);
    }
    if (this.isClosed) return Promise.resolve(undefined);
    return new Promise((resolve) => this.takers.push(resolve));
  }

  /** Nothing more is accepted; what waits can still be taken. */
  close(): void {
    this.isClosed = true;
    for (const taker of this.takers.splice(0)) taker(undefined);
    for (const wake of this.roomWaiters.splice(0)) wake();
  }

  get depth(): number {
    return this.items.length;
  }
}
