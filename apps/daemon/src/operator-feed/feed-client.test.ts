import { describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { FeedClient } from './feed-client.js';

/** A socket that notes what is sent; the test sets how much of it is still waiting. */
function socket() {
  const sent: unknown[] = [];
  const fake = {
    bufferedAmount: 0,
    isTerminated: false,
    sent,
    send: (message: unknown) => sent.push(message),
    terminate: () => {
      fake.isTerminated = true;
    },
  };
  return fake;
}
const picture = (byte: number) => new Uint8Array([byte]);

describe('FeedClient', () => {
  it('skips pictures while half a megabyte waits, and sends the newest one later', () => {
    const fake = socket();
    const client = new FeedClient(fake as unknown as WebSocket, () => 0);
    const [first, second] = [picture(1), picture(2)];
    expect(client.sendPicture(first)).toBe(true);
    fake.bufferedAmount = 600_000;
    expect(client.sendPicture(second)).toBe(false);
    client.sendStatus('s');
    fake.bufferedAmount = 0;
    expect(client.sendPicture(second)).toBe(true);
    expect(fake.sent).toEqual([first, 's', second]);
  });

  it('sends a picture once, however often it is offered', () => {
    const fake = socket();
    const client = new FeedClient(fake as unknown as WebSocket, () => 0);
    const only = picture(1);
    client.sendPicture(only);
    client.sendPicture(only);
    expect(fake.sent).toHaveLength(1);
  });

  it('sends nothing at all while two megabytes wait', () => {
    const fake = socket();
    fake.bufferedAmount = 3_000_000;
    const client = new FeedClient(fake as unknown as WebSocket, () => 0);
    client.sendStatus('s');
    client.sendPicture(picture(1));
    client.sendThumbnail(picture(2));
    expect(fake.sent).toEqual([]);
  });

  it('cuts off a client that has taken nothing for 15 s', () => {
    let nowMs = 0;
    const fake = socket();
    const client = new FeedClient(fake as unknown as WebSocket, () => nowMs);
    fake.bufferedAmount = 10;
    nowMs = 15_000;
    client.checkProgress();
    expect(fake.isTerminated).toBe(false);
    nowMs = 15_001;
    client.checkProgress();
    expect(fake.isTerminated).toBe(true);
  });
});
