import { EventEmitter } from 'node:events';
import { decodeFeedPicture, type LineStatus, type VisionResult } from '@plumbline/contract';
import { silentLogger } from '@plumbline/core/log';
import { type InspectedFrame, type Inspection, SharedImage } from '@plumbline/edge/pipeline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { OperatorFeed } from './operator-feed.js';

const uuid = '01a209a9-3a83-75ba-b278-e1485109d81a';
let nowMs: number;
let released: number[];
let feed: OperatorFeed;

beforeEach(async () => {
  nowMs = 1_000_000;
  released = [];
  feed = new OperatorFeed({ status: () => ({}) as LineStatus, logger: silentLogger, clock: () => nowMs });
  await feed.start(new AbortController().signal);
});
afterEach(() => feed.stop());

/** A frame of 1600 x 8 whose `release` is noted. The pipeline's own hold is released at once, as the pipeline does. */
function show(seq: number, evaluation: 1 | 2 = 1): void {
  const image = new SharedImage({ width: 1600, height: 8, data: new Uint8Array(1600 * 8 * 3) }, () =>
    released.push(seq),
  );
  const frame = {
    inspection: {
      frame: { frameId: `${seq}-x`, cameraId: 'cam', width: 1600, height: 8, capturedAtMs: 1, acquisitionMs: 1 },
      startedAtMs: 1,
      finishedAtMs: 3,
    } as Inspection,
    counted: [],
    result: {
      resultId: uuid,
      seq: String(seq),
      resultState: 1,
      resultEvaluation: evaluation,
      resultContent: { detections: [] },
    } as unknown as VisionResult,
    latencyMs: 2,
    image,
  } satisfies InspectedFrame;
  feed.show(frame);
  image.release();
}

function connect() {
  const pictures: { type: string; seq: string; preview: { width: number; height: number } }[] = [];
  const socket = Object.assign(new EventEmitter(), {
    bufferedAmount: 0,
    send: (message: string | Uint8Array<ArrayBuffer>) => {
      if (typeof message !== 'string') pictures.push(decodeFeedPicture(message.buffer).header);
    },
    terminate: () => {},
    close: () => {},
  });
  feed.addClient(socket as unknown as WebSocket);
  return { pictures, socket };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe('OperatorFeed', () => {
  it('makes pictures no longer than 1280 px and hands every buffer back', async () => {
    const { pictures } = connect();
    show(1);
    await until(() => pictures.length === 1);
    expect(pictures[0]).toMatchObject({ type: 'frame', seq: '1', preview: { width: 1280, height: 6 } });
    expect(released).toEqual([1]);
  });

  it('shows the newest of the frames that came while one was being encoded, and releases those between', async () => {
    const { pictures } = connect();
    for (let seq = 1; seq <= 10; seq++) show(seq);
    await until(() => pictures.length === 1);
    nowMs += 1000;
    show(11);
    await until(() => pictures.length === 2);
    expect(pictures.map((picture) => picture.seq)).toEqual(['1', '11']);
    expect(released.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it('without a console makes one picture a second, which the next console gets at once', async () => {
    show(1);
    await until(() => released.length === 1);
    nowMs += 900;
    show(2);
    show(3);
    const { pictures } = connect();
    expect(pictures.map((picture) => picture.seq)).toEqual(['1']);
  });

  it('makes a thumbnail of NotOK parts only', async () => {
    const { pictures } = connect();
    show(1, 2);
    show(2, 1);
    await until(() => pictures.some((picture) => picture.type === 'ng'));
    await until(() => released.includes(1));
    expect(pictures.filter((picture) => picture.type === 'ng')).toMatchObject([{ seq: '1', preview: { width: 320 } }]);
  });

  it('hands every buffer back when it is stopped in the middle', async () => {
    connect();
    for (let seq = 1; seq <= 5; seq++) show(seq, 2);
    await feed.stop();
    expect(released.sort()).toEqual([1, 2, 3, 4, 5]);
  });

  it('forgets a console that has gone', () => {
    const { socket } = connect();
    expect(feed.health().detail).toBe('1 clients');
    socket.emit('close');
    expect(feed.health().detail).toBe('0 clients');
  });
});
