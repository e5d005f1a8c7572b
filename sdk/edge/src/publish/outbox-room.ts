import type { DroppedRange, ResultsDroppedData } from '@plumbline/contract';
import type Database from 'libsql';

/** Bookkeeping bytes counted for each record beside its body. */
export const recordOverheadBytes = 128;

/**
 * Order in which unsafe records are given up when the store is full: OK parts first, rejects last. A report of earlier
 * drops is never lost: it is merged into the next one, which frees its room.
 */
export const DropPriority = { okResult: 0, other: 1, report: 2, notOkResult: 3 } as const;

export interface Freed {
  /** Bytes of all deleted records. */
  bytes: number;
  /** Unsafe records given up now. */
  dropped: number;
  /** Reports of earlier drops that the next report replaces. */
  mergedReports: number;
  /** What the next report says; null when nothing unsafe was given up. */
  report: ResultsDroppedData | null;
}

interface Candidate {
  seq: number;
  bytes: number;
  priority: number;
  body: string;
}

/**
 * Deletes records until `bytesToFree` are free: the oldest safe ones first, then unsafe ones by priority and age. Runs
 * inside the caller's transaction, so that room and the records that need it appear together or not at all.
 * @param safeSeq records up to it are safe
 */
export function freeRoom(db: Database.Database, bytesToFree: number, safeSeq: number): Freed {
  const remove = db.prepare('DELETE FROM records WHERE seq = ?');
  const oldestSafe = db.prepare(
    "SELECT seq, bytes, priority, '' AS body FROM records WHERE seq <= ? ORDER BY seq LIMIT 256",
  );
  const cheapest = db.prepare(
    `SELECT seq, bytes, priority, CASE priority WHEN ${DropPriority.report} THEN body ELSE '' END AS body
     FROM records ORDER BY priority, seq LIMIT 256`,
  );
  let bytes = 0;
  const takeUntilFree = (next: () => Candidate[], onTaken: (row: Candidate) => void) => {
    for (let rows = next(); rows.length > 0 && bytes < bytesToFree; rows = next()) {
      for (const row of rows) {
        if (bytes >= bytesToFree) return;
        remove.run(row.seq);
        bytes += row.bytes;
        onTaken(row);
      }
    }
  };
  takeUntilFree(
    () => oldestSafe.all(safeSeq) as Candidate[],
    () => {},
  );

  let dropped = 0;
  let mergedReports = 0;
  let notOk = 0;
  let earlier = 0;
  const ranges: Range[] = [];
  takeUntilFree(
    () => cheapest.all() as Candidate[],
    (row) => {
      ranges.push([row.seq, row.seq]);
      if (row.priority === DropPriority.report) {
        const { data } = JSON.parse(row.body) as { data: ResultsDroppedData };
        mergedReports += 1;
        earlier += data.count;
        notOk += data.notOk;
        for (const [from, to] of data.ranges) ranges.push([Number(from), Number(to)]);
      } else {
        dropped += 1;
        if (row.priority === DropPriority.notOkResult) notOk += 1;
      }
    },
  );
  const report: ResultsDroppedData = {
    reason: 'byte_cap',
    count: dropped + earlier,
    notOk,
    ranges: toWireRanges(ranges),
  };
  return { bytes, dropped, mergedReports, report: ranges.length > 0 ? report : null };
}

type Range = [from: number, to: number];

/** Sorts and joins: [[7, 7], [1, 2], [3, 3]] -> [["1", "3"], ["7", "7"]]. */
export function toWireRanges(ranges: readonly Range[]): DroppedRange[] {
  const joined: Range[] = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined.map(([from, to]) => [String(from), String(to)]);
}
