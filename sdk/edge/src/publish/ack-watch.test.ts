import { describe, expect, it } from 'vitest';
import { AckWatch } from './ack-watch.js';

describe('AckWatch', () => {
  it('asks for a resend at the third acknowledgement of the same record, once, and for a restart when it is answered', () => {
    const watch = new AckWatch(1000, 0);
    expect([watch.onRepeated(), watch.onRepeated(), watch.onRepeated(), watch.onRepeated()]).toEqual([
      'fine',
      'fine',
      'resend',
      'fine',
    ]);
    expect([watch.onMoved(10), watch.onMoved(20)]).toEqual(['restart', 'fine']);
    expect(watch.isOverdue).toBe(false);
  });

  it('forgets repeats when the acknowledged record moves on', () => {
    const watch = new AckWatch(1000, 0);
    watch.onRepeated();
    watch.onRepeated();
    watch.onMoved(10);
    expect([watch.onRepeated(), watch.onRepeated()]).toEqual(['fine', 'fine']);
  });

  it('is overdue after the time-out while records are waiting, repeats that each time-out, and ends with an answer', () => {
    const watch = new AckWatch(1000, 0);
    expect(watch.onTick(999, true)).toBe('fine');
    expect([watch.onTick(1000, true), watch.isOverdue]).toEqual(['resend', true]);
    expect([watch.onTick(1500, true), watch.onTick(2000, true)]).toEqual(['fine', 'resend']);
    expect([watch.onMoved(2100), watch.isOverdue]).toEqual(['restart', false]);
  });

  it('does not count time in which nothing was waiting', () => {
    const watch = new AckWatch(1000, 0);
    watch.onTick(5000, false);
    expect([watch.onTick(5999, true), watch.onTick(6000, true)]).toEqual(['fine', 'resend']);
  });
});
