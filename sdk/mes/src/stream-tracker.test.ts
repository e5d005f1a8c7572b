import { describe, expect, it } from 'vitest';
import { StreamTracker } from './stream-tracker.js';

function arrive(tracker: StreamTracker, ...seqs: number[]): string[] {
  return seqs.map((seq) => {
    const arrival = tracker.observe(BigInt(seq), `id-${seq}`);
    tracker.confirm(BigInt(seq));
    return arrival;
  });
}

describe('StreamTracker', () => {
  it('sees a gap and closes it when the missing record arrives late', () => {
    const tracker = new StreamTracker();
    arrive(tracker, 1, 2, 5);
    expect(tracker.gaps()).toEqual([{ fromSeq: '3', toSeq: '4' }]);
    expect(tracker.storedPrefix).toBe(2n);
    arrive(tracker, 4);
    expect(tracker.gaps()).toEqual([{ fromSeq: '3', toSeq: '3' }]);
    arrive(tracker, 3);
    expect(tracker.gaps()).toEqual([]);
    expect(tracker.storedPrefix).toBe(5n);
  });

  it('calls the same record a duplicate and another record with its seq a conflict', () => {
    const tracker = new StreamTracker();
    expect(arrive(tracker, 1, 2, 1)).toEqual(['new', 'new', 'duplicate']);
    expect(tracker.observe(2n, 'other')).toBe('conflict');
    expect(tracker.observe(2n, 'other')).toBe('duplicate');
  });

  it('still knows duplicates whose ids it has forgotten', () => {
    const tracker = new StreamTracker(2);
    expect(arrive(tracker, 1, 2, 3, 1, 2, 3)).toEqual(['new', 'new', 'new', 'duplicate', 'duplicate', 'duplicate']);
  });

  it('acknowledges only what the consumer has confirmed', () => {
    const tracker = new StreamTracker();
    tracker.observe(1n, 'a');
    tracker.observe(2n, 'b');
    tracker.confirm(2n);
    expect(tracker.storedPrefix).toBe(0n);
    tracker.confirm(1n);
    expect(tracker.storedPrefix).toBe(2n);
  });

  it('acknowledges nothing while it does not know where the stream began', () => {
    const tracker = new StreamTracker();
    arrive(tracker, 700, 701);
    expect(tracker.storedPrefix).toBeNull();
    tracker.startAfter(690n);
    expect(tracker.storedPrefix).toBe(690n);
    expect(tracker.gaps()).toEqual([{ fromSeq: '691', toSeq: '699' }]);
    for (let seq = 691; seq < 700; seq++) arrive(tracker, seq);
    expect(tracker.storedPrefix).toBe(701n);
  });

  it('takes the first arrival as the beginning when the station does not tell', () => {
    const tracker = new StreamTracker();
    arrive(tracker, 701, 700);
    tracker.startAtFirstArrival();
    expect(tracker.storedPrefix).toBe(701n);
    expect(tracker.gaps()).toEqual([]);
  });

  it('passes over records that another consumer acknowledged', () => {
    const tracker = new StreamTracker();
    arrive(tracker, 1, 5);
    tracker.startAfter(4n);
    expect(tracker.gaps()).toEqual([]);
    expect(tracker.storedPrefix).toBe(5n);
  });

  it('passes over records that the station reports as dropped, and still takes one that arrives after all', () => {
    const tracker = new StreamTracker();
    arrive(tracker, 1, 5, 6);
    tracker.drop(2n, 4n);
    expect(tracker.gaps()).toEqual([]);
    expect([tracker.storedPrefix, tracker.dropped]).toEqual([6n, 3n]);
    expect(arrive(tracker, 3, 3)).toEqual(['new', 'duplicate']);
  });
});
