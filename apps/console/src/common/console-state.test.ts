import { describe, expect, it } from 'vitest';
import { feedUrlOf } from './feed-url.js';
import { diskShare, droppedFrames, outboxDepth } from './health.js';
import { commandOf, type KeyPress } from './keys.js';
import { addNg, NG_LIMIT, stepSelection } from './ng-list.js';

const press = (key: string, patch: Partial<KeyPress> = {}): KeyPress => ({
  key,
  ctrlKey: false,
  altKey: false,
  metaKey: false,
  repeat: false,
  inField: false,
  onControl: false,
  ...patch,
});

describe('commandOf', () => {
  it('knows the keys of the Run screen', () => {
    expect(commandOf(press('F1'))).toEqual({ kind: 'help' });
    expect(commandOf(press('F2'))).toEqual({ kind: 'screen', index: 0 });
    expect(commandOf(press('F8'))).toEqual({ kind: 'screen', index: 6 });
    expect(commandOf(press(' '))).toEqual({ kind: 'freeze' });
    expect(commandOf(press('ArrowRight'))).toEqual({ kind: 'film', step: 1 });
    expect(commandOf(press('n'))).toEqual({ kind: 'nextNg' });
    expect(commandOf(press('B'))).toEqual({ kind: 'boxes' });
    expect(commandOf(press('0'))).toEqual({ kind: 'zoom', step: 0 });
    expect(commandOf(press('F9'))).toBeNull();
    expect(commandOf(press('c'))).toBeNull();
  });

  it('leaves every key alone inside fields and with a modifier', () => {
    for (const key of ['F1', ' ', 'b', '+', 'n']) {
      expect(commandOf(press(key, { inField: true }))).toBeNull();
      expect(commandOf(press(key, { ctrlKey: true }))).toBeNull();
    }
  });

  it('leaves Space to a focused button, and a held Space freezes once', () => {
    expect(commandOf(press(' ', { onControl: true }))).toBeNull();
    expect(commandOf(press(' ', { repeat: true }))).toBeNull();
  });
});

describe('addNg', () => {
  const item = (resultId: string) => ({ header: { resultId } });

  it('keeps the last 20, newest first', () => {
    let list: readonly { header: { resultId: string } }[] = [];
    for (let i = 0; i < NG_LIMIT + 3; i += 1) list = addNg(list, item(String(i)));
    expect(list).toHaveLength(20);
    expect(list[0]!.header.resultId).toBe('22');
    expect(list[19]!.header.resultId).toBe('3');
  });

  it('returns the same list for a part that it holds, as after a reconnect', () => {
    const list = addNg([], item('a'));
    expect(addNg(list, item('a'))).toBe(list);
  });
});

describe('stepSelection', () => {
  it('starts at the newest, moves by one and stays at both ends', () => {
    const ids = ['c', 'b', 'a'];
    expect(stepSelection(ids, null, 1)).toBe('c');
    expect(stepSelection(ids, 'c', 1)).toBe('b');
    expect(stepSelection(ids, 'a', 1)).toBe('a');
    expect(stepSelection(ids, 'c', -1)).toBe('c');
    expect(stepSelection(ids, 'gone', 1)).toBe('c');
    expect(stepSelection([], null, 1)).toBeNull();
  });
});

describe('feedUrlOf', () => {
  it('keeps host and port, follows http to ws and https to wss, and escapes the token', () => {
    expect(feedUrlOf('http://127.0.0.1:8080')).toBe('ws://127.0.0.1:8080/api/feed');
    expect(feedUrlOf('https://box.local/', 'a b&c')).toBe('wss://box.local/api/feed?token=a%20b%26c');
  });
});

describe('health readings', () => {
  it('stops the pointer at the end of the track', () => {
    expect(outboxDepth(50_000).value).toBe(1);
  });
  it('adds up the dropped frames of all reasons', () => {
    const status = { counts: { frames: 1000, dropped: { overrun: 3, unreadable: 2 } } } as unknown as Parameters<
      typeof droppedFrames
    >[0];
    expect(droppedFrames(status)).toMatchObject({ count: 5, bar: { value: 0.25 } });
  });
  it('has no share of a disk that the daemon cannot read', () => {
    expect(diskShare({ freeBytes: null, usedByStoreBytes: 1 })).toBeNull();
    expect(diskShare({ freeBytes: 75, usedByStoreBytes: 25 })).toBe(0.25);
  });
});
