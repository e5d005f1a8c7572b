import type { FeedStatusMessage, Health, LineStatus, Service } from '@plumbline/contract';
import { ResultEvaluation } from '@plumbline/contract';
import type { ImageRgb } from '@plumbline/core/image';
import type { Logger } from '@plumbline/core/log';
import type { InspectedFrame } from '@plumbline/edge/pipeline';
import type { WebSocket } from 'ws';
import { FeedClient } from './feed-client.js';
import { encodePicture } from './picture-encoder.js';

export interface OperatorFeedOptions {
  status: () => LineStatus;
  logger: Logger;
  clock?: () => number;
}

const shortestPictureIntervalMs = 1000 / 15;
/** Without a client one picture a second is made, so that the next client sees something at once. */
const idlePictureIntervalMs = 1000;
const statusIntervalMs = 1000;
const shortestStatusIntervalMs = 100;
const thumbnailCount = 20;
/** NotOK parts that may wait for their thumbnail; more than that and the oldest get none. */
const thumbnailBacklog = 4;

/** `/api/feed`: status, the newest inspected frame and the last 20 NotOK parts, for every connected console. */
export class OperatorFeed implements Service {
  readonly name = 'operator-feed';
  readonly stopTimeoutMs = 2_000;
  private readonly clients = new Map<WebSocket, FeedClient>();
  private readonly clock: () => number;
  private newestPicture: Uint8Array<ArrayBuffer> | null = null;
  private thumbnails: Uint8Array<ArrayBuffer>[] = [];
  private waitingFrame: InspectedFrame | null = null;
  private waitingThumbnails: InspectedFrame[] = [];
  private encoding: Promise<void> | null = null;
  private nextPictureMs = 0;
  private pictureTimer: NodeJS.Timeout | null = null;
  private statusTimer: NodeJS.Timeout | null = null;
  private changeTimer: NodeJS.Timeout | null = null;
  private state: Health['state'] = 'starting';

  constructor(private readonly options: OperatorFeedOptions) {
    this.clock = options.clock ?? Date.now;
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.state = 'ok';
    this.statusTimer = setInterval(() => {
      this.sendStatus();
      for (const client of this.clients.values()) {
        client.checkProgress();
        if (this.newestPicture) client.sendPicture(this.newestPicture);
      }
    }, statusIntervalMs);
  }

  async stop(): Promise<void> {
    this.state = 'stopped';
    if (this.statusTimer) clearInterval(this.statusTimer);
    if (this.changeTimer) clearTimeout(this.changeTimer);
    if (this.pictureTimer) clearTimeout(this.pictureTimer);
    this.waitingFrame?.image?.release();
    this.waitingFrame = null;
    for (const frame of this.waitingThumbnails.splice(0)) frame.image?.release();
    await this.encoding;
    for (const socket of this.clients.keys()) socket.close(1001, 'the daemon stops');
    this.clients.clear();
  }

  health(): Health {
    return { state: this.state, detail: `${this.clients.size} clients` };
  }

  addClient(socket: WebSocket): void {
    const client = new FeedClient(socket, this.clock);
    this.clients.set(socket, client);
    socket.on('close', () => this.clients.delete(socket));
    socket.on('error', (error) => this.options.logger.debug({ error: String(error) }, 'feed connection failed'));
    client.sendStatus(this.statusText());
    for (const thumbnail of this.thumbnails) client.sendThumbnail(thumbnail);
    if (this.newestPicture) client.sendPicture(this.newestPicture);
    // The wait of a feed without clients ends with the first one.
    this.nextPictureMs = Math.min(this.nextPictureMs, this.clock() + shortestPictureIntervalMs);
    if (this.pictureTimer) clearTimeout(this.pictureTimer);
    this.pictureTimer = null;
    this.pump();
  }

  /** Sends the status soon; many changes at once give one message. */
  statusChanged(): void {
    if (this.state !== 'ok') return;
    this.changeTimer ??= setTimeout(() => {
      this.changeTimer = null;
      this.sendStatus();
    }, shortestStatusIntervalMs);
  }

  /** Takes note of an inspected frame; returns at once. */
  show(frame: InspectedFrame): void {
    if (this.state !== 'ok' || !frame.image) return;
    if (frame.result.resultEvaluation === ResultEvaluation.NotOK) {
      frame.image.retain();
      this.waitingThumbnails.push(frame);
      if (this.waitingThumbnails.length > thumbnailBacklog) this.waitingThumbnails.shift()!.image!.release();
    }
    frame.image.retain();
    this.waitingFrame?.image?.release();
    this.waitingFrame = frame;
    this.pump();
  }

  /** Starts encoding unless it runs already; the newest frame waits until its interval is over. */
  private pump(): void {
    if (this.encoding || this.state !== 'ok') return;
    const waitMs = this.nextPictureMs - this.clock();
    if (this.waitingThumbnails.length === 0 && !this.waitingFrame) return;
    if (this.waitingThumbnails.length === 0 && waitMs > 0) {
      this.pictureTimer ??= setTimeout(() => {
        this.pictureTimer = null;
        this.pump();
      }, waitMs);
      return;
    }
    this.encoding = this.encodeNext(waitMs <= 0).finally(() => {
      this.encoding = null;
      this.pump();
    });
  }

  private async encodeNext(isPictureDue: boolean): Promise<void> {
    const frame = isPictureDue ? this.waitingFrame : null;
    if (frame) {
      this.waitingFrame = null;
      this.nextPictureMs = this.clock() + (this.clients.size > 0 ? shortestPictureIntervalMs : idlePictureIntervalMs);
      const message = await this.encode('frame', frame);
      if (message) {
        this.newestPicture = message;
        for (const client of this.clients.values()) client.sendPicture(message);
      }
    }
    const rejected = this.waitingThumbnails.shift();
    if (rejected) {
      const message = await this.encode('ng', rejected);
      if (message) {
        this.thumbnails = [...this.thumbnails, message].slice(-thumbnailCount);
        for (const client of this.clients.values()) client.sendThumbnail(message);
      }
    }
  }

  /** Never rejects: a picture that fails is logged and missed. Releases the frame. */
  private async encode(type: 'frame' | 'ng', frame: InspectedFrame): Promise<Uint8Array<ArrayBuffer> | null> {
    try {
      return await encodePicture(type, frame, frame.image!.image as ImageRgb);
    } catch (error) {
      this.options.logger.warn({ error: String(error) }, 'a picture for the console failed');
      return null;
    } finally {
      frame.image!.release();
    }
  }

  private statusText(): string {
    return JSON.stringify({ type: 'status', status: this.options.status() } satisfies FeedStatusMessage);
  }

  private sendStatus(): void {
    if (this.clients.size === 0) return;
    const text = this.statusText();
    for (const client of this.clients.values()) client.sendStatus(text);
  }
}
