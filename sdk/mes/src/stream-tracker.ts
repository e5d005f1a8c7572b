import { RangeSet } from './range-set.js';

/**
 * - `new`: not seen before.
 * - `duplicate`: this very record was seen before.
 * - `conflict`: another record with this seq was seen before; the station's store was rolled back. Both are kept.
 */
export type Arrival = 'new' | 'duplicate' | 'conflict';

/** Missing records, both ends inclusive. */
export interface SeqGap {
  readonly fromSeq: string;
  readonly toSeq: string;
}

/**
 * What is known of one stream (sourceId, epoch): which records arrived, which are stored, which are missing. `seq` runs
 * from 1 without gaps, so a hole is either under way, lost, or reported as dropped by the station.
 */
export class StreamTracker {
  /** Ids of the newest records, for an exact comparison; older ones are told by their seq. */
  private readonly recentIds = new Map<bigint, string>();
  private readonly received = new RangeSet();
  /** Received, or known never to come. */
  private readonly settled = new RangeSet();
  /** Confirmed as stored by the consumer, or known never to come. */
  private readonly stored = new RangeSet();
  /** Nothing at or below it is expected; null while a reader that joined in the middle does not know. */
  private base: bigint | null = null;
  private droppedCount = 0n;

  constructor(private readonly maxRecentIds = 10_000) {}

  /** A record arrived. */
  observe(seq: bigint, id: string): Arrival {
    const knownId = this.recentIds.get(seq);
    if (knownId === id) return 'duplicate';
    if (knownId === undefined && this.received.has(seq)) return 'duplicate';
    this.recentIds.set(seq, id);
    if (this.recentIds.size > this.maxRecentIds) {
      for (const oldest of this.recentIds.keys()) {
        this.recentIds.delete(oldest);
        break;
      }
    }
    this.received.add(seq);
    this.settled.add(seq);
    if (seq === 1n) this.startAfter(0n);
    return knownId === undefined ? 'new' : 'conflict';
  }

  /** The consumer has stored the record. */
  confirm(seq: bigint): void {
    this.stored.add(seq);
  }

  /** The station gave these records up; call it once the event that says so is stored. */
  drop(from: bigint, to: bigint): void {
    if (!this.settled.has(from) || !this.settled.has(to)) this.droppedCount += to - from + 1n;
    this.settled.add(from, to);
    this.stored.add(from, to);
  }

  /** Nothing up to `seq` will come any more, because a MES has acknowledged it. */
  startAfter(seq: bigint): void {
    if (this.base === null || seq > this.base) this.base = seq;
  }

  /** The station does not tell where the stream stands: what arrived first is taken as its beginning. */
  startAtFirstArrival(): void {
    const { lowest } = this.received;
    if (this.base === null && lowest !== undefined) this.base = lowest - 1n;
  }

  /** Everything up to it is stored or will never come; null while the beginning is not known. */
  get storedPrefix(): bigint | null {
    return this.base === null ? null : this.stored.endOfRunAfter(this.base);
  }

  gaps(): SeqGap[] {
    const lowest = this.settled.lowest;
    if (lowest === undefined) return [];
    const after = this.base ?? lowest - 1n;
    return this.settled.holesAfter(after).map(([from, to]) => ({ fromSeq: String(from), toSeq: String(to) }));
  }

  /** Records that the station reported as dropped. */
  get dropped(): bigint {
    return this.droppedCount;
  }
}
