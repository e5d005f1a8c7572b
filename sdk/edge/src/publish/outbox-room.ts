import type { DroppedRange } from '@plumbline/contract';
import type Database from 'libsql';

/** Bookkeeping bytes counted for each record beside its body. */
export const recordOverheadBytes = 128;

/** Order in which unsafe records are given up when the store is full: OK parts first, rejects last. */
export const DropPriority = { okResult: 0, other: 1, notOkResult: 2 } as const;

export interface Freed {
  /** Bytes of safe records that were only kept for their retention time. */
  retainedBytes: number;
  droppedBytes: number;
  /** Unsafe records given up, ascending. */
  droppedSeqs: number[];
  /** The part of `droppedSeqs` that were NotOK results. */
  droppedNotOk: number;
}

interface Candidate {
  seq: number;
  bytes: number;
  priority: number;
}

/**
 * Deletes records until `bytesToFree` are free: the oldest safe ones first, then unsafe ones by priority and age. Runs
 * inside the caller's transaction, so that room and the records that need it appear together or not at all.
 * @param safeSeq records up to it are safe
 */
export function freeRoom(db: Database.Database, bytesToFree: number, safeSeq: number): Freed {
  const freed: Freed = { retainedBytes: 0, droppedBytes: 0, droppedSeqs: [], droppedNotOk: 0 };
  const remove = db.prepare('DELETE FROM records WHERE seq = ?');
  const oldestSafe = db.prepare('SELECT seq, bytes, priority FROM records WHERE seq <= ? ORDER BY seq LIMIT 256');
  const cheapest = db.prepare('SELECT seq, bytes, priority FROM records ORDER BY priority, seq LIMIT 256');
  const missing = () => bytesToFree - freed.retainedBytes - freed.droppedBytes;

  for (
    let rows = oldestSafe.all(safeSeq) as Candidate[];
    rows.length > 0 && missing() > 0;
    rows = oldestSafe.all(safeSeq) as Candidate[]
  ) {
    for (const row of rows) {
      if (missing() <= 0) break;
      remove.run(row.seq);
      freed.retainedBytes += row.bytes;
    }
  }
  for (
    let rows = missing() > 0 ? (cheapest.all() as Candidate[]) : [];
    rows.length > 0 && missing() > 0;
    rows = cheapest.all() as Candidate[]
  ) {
    for (const row of rows) {
      if (missing() <= 0) break;
      remove.run(row.seq);
      freed.droppedBytes += row.bytes;
      freed.droppedSeqs.push(row.seq);
      if (row.priority === DropPriority.notOkResult) freed.droppedNotOk += 1;
    }
  }
  freed.droppedSeqs.sort((a, b) => a - b);
  return freed;
}

/** [1, 2, 3, 7] -> [["1", "3"], ["7", "7"]]. */
export function toRanges(ascending: readonly number[]): DroppedRange[] {
  const ranges: [number, number][] = [];
  for (const seq of ascending) {
    const last = ranges.at(-1);
    if (last && last[1] === seq - 1) last[1] = seq;
    else ranges.push([seq, seq]);
  }
  return ranges.map(([from, to]) => [String(from), String(to)]);
}
