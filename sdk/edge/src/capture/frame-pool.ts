/**
 * Reuses pixel buffers, so that a running line allocates none. Buffers that went through a worker come back as a new
 * view on the same memory; one that was lost with its worker is simply allocated anew.
 */
export class FramePool {
  private free: ArrayBuffer[] = [];

  /** @param maxFree buffers kept; more that come back are left to the collector */
  constructor(private readonly maxFree: number) {}

  /** A buffer of exactly `bytes` bytes with undefined content. */
  acquire(bytes: number): Uint8Array<ArrayBuffer> {
    for (let buffer = this.free.pop(); buffer; buffer = this.free.pop()) {
      // Another size means that the images changed: buffers of the old size are not needed any more.
      if (buffer.byteLength === bytes) return new Uint8Array(buffer);
    }
    return new Uint8Array(new ArrayBuffer(bytes));
  }

  /** A detached buffer (still owned by a worker) is ignored. */
  release(data: Uint8Array<ArrayBuffer>): void {
    if (data.buffer.byteLength === 0 || this.free.length >= this.maxFree || this.free.includes(data.buffer)) return;
    this.free.push(data.buffer);
  }

  get freeCount(): number {
    return this.free.length;
  }
}
