import { PlumblineError, type ResultsDroppedData, type VisionEvent, type VisionResult } from '@plumbline/contract';
import type Database from 'libsql';
import { inTransaction, lockOutbox, type OutboxIdentity, openDatabase, prepareOutbox } from './outbox-file.js';
import { freeRoom } from './outbox-room.js';
import type { OutboxCursors, OutboxOptions, OutboxRecord } from './outbox-types.js';

/** A record on its way into the file. */
export interface Row extends OutboxRecord {
  readonly priority: number;
  readonly bytes: number;
  readonly wire: VisionResult | VisionEvent;
}

/**
 * The outbox file: every method is one query or one transaction, and the numbers in memory change only after the commit.
 * Writing throws SQLite's own errors, which the caller knows how many records they concern; reading throws
 * PLB_EDGE_OUTBOX_READ_FAILED.
 */
export class OutboxStore implements OutboxCursors {
  lastSeq: number;
  publishedSeq: number;
  ackedSeq: number;
  storedBytes: number;
  /** Records ever given up unsafe. */
  dropped: number;
  private areCursorsSaved = true;

  private constructor(
    private readonly file: string,
    private readonly lock: Database.Database,
    private readonly db: Database.Database,
    readonly identity: OutboxIdentity,
  ) {
    const row = db.prepare('SELECT * FROM cursors').get() as Record<string, number>;
    this.lastSeq = row.last_seq!;
    this.publishedSeq = row.published_seq!;
    this.ackedSeq = row.acked_seq!;
    this.storedBytes = row.stored_bytes!;
    this.dropped = row.dropped!;
  }

  /** @throws {PlumblineError} PLB_EDGE_OUTBOX_LOCKED, PLB_EDGE_OUTBOX_INVALID, PLB_EDGE_OUTBOX_FOREIGN */
  static open(options: OutboxOptions, nowMs: number, newEpoch: () => string): OutboxStore {
    const { file, sourceId, safeWhen } = options;
    const lock = lockOutbox(file);
    let db: Database.Database | undefined;
    try {
      db = (options.openDatabase ?? openDatabase)(file);
      return new OutboxStore(file, lock, db, prepareOutbox(db, file, sourceId, safeWhen, nowMs, newEpoch));
    } catch (error) {
      db?.close();
      releaseLock(lock);
      throw error;
    }
  }

  /**
   * Stores rows with the seqs after `lastSeq`. When they do not fit below `maxBytes`, older records make room, and the
   * row that reports unsafe ones is stored in the same transaction.
   * @returns by how many records the unsafe part of the outbox has grown, and how many unsafe ones were given up
   */
  insert(
    rows: readonly Row[],
    limits: { safeSeq: number; maxBytes: number },
    toReport: (data: ResultsDroppedData, seq: number) => Row,
  ): { added: number; dropped: number } {
    const { db } = this;
    const result = inTransaction(db, () => {
      const all = [...rows];
      const neededBytes = rows.reduce((sum, row) => sum + row.bytes, 0);
      const excessBytes = this.storedBytes + neededBytes - limits.maxBytes;
      let freed = { bytes: 0, dropped: 0, mergedReports: 0 };
      if (excessBytes > 0) {
        // A margin, so that a full store drops in chunks with one report each instead of one by one.
        const { report, ...rest } = freeRoom(db, excessBytes + Math.min(limits.maxBytes / 50, 262_144), limits.safeSeq);
        freed = rest;
        if (report) all.push(toReport(report, this.lastSeq + 1 + all.length));
      }
      const insert = db.prepare('INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)');
      let addedBytes = 0;
      for (const { seq, kind, priority, id, createdMs, bytes, body } of all) {
        insert.run(seq, kind, priority, id, createdMs, bytes, body);
        addedBytes += bytes;
      }
      const lastSeq = this.lastSeq + all.length;
      const storedBytes = this.storedBytes + addedBytes - freed.bytes;
      const dropped = this.dropped + freed.dropped;
      this.updateCursors(lastSeq, storedBytes, dropped);
      return { lastSeq, storedBytes, dropped, grown: all.length - freed.dropped - freed.mergedReports };
    });
    const droppedNow = result.dropped - this.dropped;
    this.lastSeq = result.lastSeq;
    this.storedBytes = result.storedBytes;
    this.dropped = result.dropped;
    this.areCursorsSaved = true;
    return { added: result.grown, dropped: droppedNow };
  }

  /** Oldest records after `seq`, ascending. */
  readAfter(seq: number, limit: number): OutboxRecord[] {
    return this.read(
      () =>
        this.db
          .prepare(
            'SELECT seq, kind, id, created_ms AS createdMs, body FROM records WHERE seq > ? ORDER BY seq LIMIT ?',
          )
          .all(seq, limit) as OutboxRecord[],
    );
  }

  /** Records with after < seq <= upTo. */
  count(after: number, upTo: number): { results: number; events: number } {
    const rows = this.read(
      () =>
        this.db
          .prepare('SELECT kind, count(*) AS n FROM records WHERE seq > ? AND seq <= ? GROUP BY kind')
          .all(after, upTo) as { kind: string; n: number }[],
    );
    const of = (kind: string) => rows.find((row) => row.kind === kind)?.n ?? 0;
    return { results: of('result'), events: of('event') };
  }

  /** Time of the append of the oldest record after `seq`, Unix epoch ms; null when there is none. */
  oldestMs(seq: number): number | null {
    const row = this.read(() =>
      this.db.prepare('SELECT created_ms AS ms FROM records WHERE seq > ? ORDER BY seq LIMIT 1').get(seq),
    ) as { ms: number } | undefined;
    return row?.ms ?? null;
  }

  /** Moves the cursors in memory; {@link saveCursors} or the next transaction stores them. */
  moveCursors(to: { publishedSeq?: number; ackedSeq?: number }): void {
    this.publishedSeq = to.publishedSeq ?? this.publishedSeq;
    this.ackedSeq = to.ackedSeq ?? this.ackedSeq;
    this.areCursorsSaved = false;
  }

  saveCursors(): void {
    if (this.areCursorsSaved) return;
    this.updateCursors(this.lastSeq, this.storedBytes, this.dropped);
    this.areCursorsSaved = true;
  }

  /**
   * Deletes the oldest records up to `seq` that were stored before `beforeMs`, at most `limit`. Looks at no others: a scan
   * of everything that is kept for its retention time would hold the event loop.
   * @returns their number
   */
  deleteOldest(seq: number, beforeMs: number, limit: number): number {
    const { db } = this;
    const oldest = db
      .prepare('SELECT seq, bytes, created_ms FROM records WHERE seq <= ? ORDER BY seq LIMIT ?')
      .all(seq, limit) as { seq: number; bytes: number; created_ms: number }[];
    const kept = oldest.findIndex(({ created_ms }) => created_ms >= beforeMs);
    const doomed = kept < 0 ? oldest : oldest.slice(0, kept);
    if (doomed.length === 0) return 0;
    const storedBytes = this.storedBytes - doomed.reduce((sum, row) => sum + row.bytes, 0);
    inTransaction(db, () => {
      db.prepare('DELETE FROM records WHERE seq <= ?').run(doomed.at(-1)!.seq);
      this.updateCursors(this.lastSeq, storedBytes, this.dropped);
    });
    this.storedBytes = storedBytes;
    this.areCursorsSaved = true;
    return doomed.length;
  }

  close(): void {
    this.db.close();
    releaseLock(this.lock);
  }

  private updateCursors(lastSeq: number, storedBytes: number, dropped: number): void {
    this.db
      .prepare('UPDATE cursors SET last_seq = ?, published_seq = ?, acked_seq = ?, stored_bytes = ?, dropped = ?')
      .run(lastSeq, this.publishedSeq, this.ackedSeq, storedBytes, dropped);
  }

  private read<T>(query: () => T): T {
    try {
      return query();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new PlumblineError('PLB_EDGE_OUTBOX_READ_FAILED', { file: this.file, reason }, { cause });
    }
  }
}

function releaseLock(lock: Database.Database): void {
  if (lock.inTransaction) lock.exec('ROLLBACK');
  lock.close();
}
