import type { WebSocket } from 'ws';

/** Above this many unsent bytes a client gets no pictures, above the second no status either. */
const pictureLimitBytes = 512 * 1024;
const statusLimitBytes = 2 * 1024 * 1024;
/** A client that takes nothing for this long is cut off. */
const stuckMs = 15_000;

/** One console on the feed. A slow one misses pictures and never holds up the line or its memory. */
export class FeedClient {
  private lastDrainedMs: number;
  private lastPicture: Uint8Array<ArrayBuffer> | null = null;

  constructor(
    private readonly socket: WebSocket,
    private readonly clock: () => number,
  ) {
    this.lastDrainedMs = clock();
  }

  sendStatus(text: string): void {
    if (this.socket.bufferedAmount <= statusLimitBytes) this.socket.send(text);
  }

  /** @returns false when the client is too far behind; the newest picture is offered again later */
  sendPicture(message: Uint8Array<ArrayBuffer>): boolean {
    if (message === this.lastPicture) return true;
    if (this.socket.bufferedAmount > pictureLimitBytes) return false;
    this.socket.send(message, { binary: true });
    this.lastPicture = message;
    return true;
  }

  sendThumbnail(message: Uint8Array<ArrayBuffer>): void {
    if (this.socket.bufferedAmount <= statusLimitBytes) this.socket.send(message, { binary: true });
  }

  /** Cuts the client off when nothing was taken for too long. Called about once a second. */
  checkProgress(): void {
    const nowMs = this.clock();
    if (this.socket.bufferedAmount === 0) this.lastDrainedMs = nowMs;
    else if (nowMs - this.lastDrainedMs > stuckMs) this.socket.terminate();
  }
}
