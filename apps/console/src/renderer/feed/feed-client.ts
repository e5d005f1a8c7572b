import {
  decodeFeedPicture,
  type FeedPictureHeader,
  feedStatusMessageSchema,
  type LineStatus,
} from '@plumbline/contract';
import type { FeedAddress } from '../../common/shell-bridge.js';

/** Silence after which a connection counts as dead: the daemon sends its status at least once a second. */
const SILENCE_MS = 6_000;
const RETRY_MS = [250, 500, 1_000, 2_000, 4_000] as const;

/** Where to connect; asked before every attempt. */
export type FindFeedAddress = (isRetry: boolean) => Promise<FeedAddress>;

export interface FeedEvents {
  /** Before every attempt: the address, or why there is none. */
  onAddress(address: FeedAddress): void;
  onOpen(): void;
  /** @param attempt number of the next try since the connection was last open */
  onClosed(attempt: number): void;
  onStatus(status: LineStatus): void;
  onPicture(header: FeedPictureHeader, jpeg: Uint8Array<ArrayBuffer>): void;
  /** A message that is not of the contract; the connection stays. */
  onBadMessage(reason: string): void;
}

/** Keeps one feed connection open until `stop`: reconnects after a loss, gives up on a silent connection. */
export class FeedClient {
  #socket: WebSocket | null = null;
  #retryTimer = 0;
  #silenceTimer = 0;
  #attempt = 0;
  #isStopped = false;

  constructor(
    private readonly findAddress: FindFeedAddress,
    private readonly events: FeedEvents,
  ) {}

  start(): void {
    this.#isStopped = false;
    void this.#connect();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#silenceTimer);
    this.#socket?.close();
    this.#socket = null;
  }

  async #connect(): Promise<void> {
    const address = await this.findAddress(this.#attempt > 0);
    if (this.#isStopped) return;
    this.events.onAddress(address);
    if (address.url === null) {
      this.#retryLater();
      return;
    }
    const socket = new WebSocket(address.url);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    socket.onopen = () => {
      this.#attempt = 0;
      this.#watchSilence();
      this.events.onOpen();
    };
    socket.onmessage = (message: MessageEvent<string | ArrayBuffer>) => {
      this.#watchSilence();
      this.#receive(message.data);
    };
    socket.onclose = () => this.#lost(socket);
  }

  #watchSilence(): void {
    clearTimeout(this.#silenceTimer);
    const socket = this.#socket;
    this.#silenceTimer = window.setTimeout(() => {
      if (!socket) return;
      socket.close();
      this.#lost(socket);
    }, SILENCE_MS);
  }

  #lost(socket: WebSocket): void {
    if (this.#isStopped || socket !== this.#socket) return;
    this.#socket = null;
    clearTimeout(this.#silenceTimer);
    this.#retryLater();
  }

  #retryLater(): void {
    const wait = RETRY_MS[Math.min(this.#attempt, RETRY_MS.length - 1)]!;
    this.#attempt += 1;
    this.events.onClosed(this.#attempt);
    this.#retryTimer = window.setTimeout(() => void this.#connect(), wait);
  }

  #receive(data: string | ArrayBuffer): void {
    try {
      if (typeof data === 'string') {
        this.events.onStatus(feedStatusMessageSchema.parse(JSON.parse(data)).status);
      } else {
        const { header, jpeg } = decodeFeedPicture(data);
        this.events.onPicture(header, jpeg);
      }
    } catch (error) {
      this.events.onBadMessage(error instanceof Error ? error.message : String(error));
    }
  }
}
