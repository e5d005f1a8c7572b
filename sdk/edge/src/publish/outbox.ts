import {
  type Health,
  PlumblineError,
  type ResultsDroppedData,
  type Service,
  type VisionEvent,
  type VisionResult,
} from '@plumbline/contract';
import { type Logger, silentLogger } from '@plumbline/core/log';
import type Database from 'libsql';
import { type Clock, systemClock, systemRandom } from './clock.js';
import { inTransaction, lockOutbox, openDatabase, prepareOutbox, sqliteCode } from './outbox-file.js';
import { DropPriority, type Freed, freeRoom, recordOverheadBytes } from './outbox-room.js';
import type {
  EventDraft,
  EventReceipt,
  OutboxCursors,
  OutboxDraft,
  OutboxOptions,
  OutboxRecord,
  OutboxStats,
  ResultDraft,
  ResultReceipt,
} from './outbox-types.js';
import { toWireEvent, toWireResult } from './to-wire.js';
import { uuidV7Generator } from './uuid-v7.js';

/** Records of one transaction: long enough to share the disk's flush, short enough not to hold the event loop. */
const maxGroup = 256;
const deleteStep = 1000;
const maintenancePeriodMs = 60_000;
/** Time after which an advanced cursor is written even when no record is. Losing it only causes repeated sending. */
const cursorDelayMs = 250;

interface Pending {
  readonly draft: OutboxDraft;
  resolve(receipt: ResultReceipt | EventReceipt): void;
  reject(error: PlumblineError): void;
}

/** A record on its way into the file. */
interface Row extends OutboxRecord {
  readonly priority: number;
  readonly bytes: number;
  readonly wire: VisionResult | VisionEvent;
}

/**
 * Durable queue of results and events between the line and the broker: one SQLite file (WAL, synchronous FULL) with one
 * writer. `append` resolves after the commit; appends of one turn of the event loop share a transaction. `seq` is given
 * inside that transaction, so that it has no gaps, whatever fails.
 */
export class Outbox implements Service {
  readonly name = 'outbox';
  readonly stopTimeoutMs = 5000;
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly newId: () => string;
  private readonly listeners = new Set<() => void>();
  private lock: Database.Database | null = null;
  private db: Database.Database | null = null;
  private epoch = '';
  private lastSeq = 0;
  private publishedSeq = 0;
  private ackedSeq = 0;
  private storedBytes = 0;
  private dropped = 0;
  private depth = 0;
  private published = 0;
  private publishedEvents = 0;
  private refused = 0;
  private refusedUnreported = { count: 0, notOk: 0 };
  private failure: PlumblineError | null = null;
  private pending: Pending[] = [];
  private commitScheduled = false;
  private cursorsDirty = false;
  private cursorTimer: NodeJS.Timeout | null = null;
  private deletionScheduled = false;
  private maintenanceTimer: NodeJS.Timeout | null = null;

  constructor(private readonly options: OutboxOptions) {
    this.clock = options.clock ?? systemClock;
    this.logger = options.logger ?? silentLogger;
    this.newId = uuidV7Generator(this.clock, options.random ?? systemRandom);
  }

  /**
   * Takes the writer's lock, opens or creates the file and reads the cursors.
   * @throws {PlumblineError} PLB_EDGE_OUTBOX_LOCKED, PLB_EDGE_OUTBOX_INVALID, PLB_EDGE_OUTBOX_FOREIGN
   */
  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { file, sourceId, safeWhen } = this.options;
    this.lock = lockOutbox(file);
    try {
      this.db = (this.options.openDatabase ?? openDatabase)(file);
      this.epoch = prepareOutbox(this.db, file, sourceId, safeWhen, this.clock.nowMs(), this.newId).epoch;
      const row = this.db.prepare('SELECT * FROM cursors').get() as Record<string, number>;
      this.lastSeq = row.last_seq!;
      this.publishedSeq = row.published_seq!;
      this.ackedSeq = row.acked_seq!;
      this.storedBytes = row.stored_bytes!;
      this.dropped = row.dropped!;
      this.depth = this.countRecords(this.safeSeq, this.lastSeq);
    } catch (error) {
      this.close();
      throw error;
    }
    this.maintenanceTimer = setInterval(() => this.scheduleDeletion(), maintenancePeriodMs);
    this.maintenanceTimer.unref();
    this.scheduleDeletion();
  }

  /**
   * Stores one record.
   * @returns once it is on disk; only then may the part be reported as accepted
   * @throws {PlumblineError} PLB_EDGE_OUTBOX_DISK_FULL, PLB_EDGE_OUTBOX_WRITE_FAILED, PLB_EDGE_OUTBOX_RECORD_TOO_LARGE,
   * PLB_EDGE_OUTBOX_CLOSED: the record is NOT stored and took no seq
   */
  append(draft: ResultDraft): Promise<ResultReceipt>;
  append(draft: EventDraft): Promise<EventReceipt>;
  append(draft: OutboxDraft): Promise<ResultReceipt | EventReceipt> {
    if (!this.db) return Promise.reject(new PlumblineError('PLB_EDGE_OUTBOX_CLOSED', { file: this.options.file }));
    return new Promise((resolve, reject) => {
      this.pending.push({ draft, resolve, reject });
      this.scheduleCommit();
    });
  }

  /** Oldest records after `seq`, ascending; dropped and deleted ones are simply absent. */
  readAfter(seq: number, limit: number): OutboxRecord[] {
    if (!this.db) return [];
    const rows = this.db
      .prepare('SELECT seq, kind, id, created_ms, body FROM records WHERE seq > ? ORDER BY seq LIMIT ?')
      .all(seq, limit) as { seq: number; kind: 'result' | 'event'; id: string; created_ms: number; body: string }[];
    return rows.map(({ created_ms, ...rest }) => ({ ...rest, createdMs: created_ms }));
  }

  /** L1: the broker took everything up to `seq`. Only ever moves forward. */
  markPublished(seq: number): void {
    if (!this.db || seq <= this.publishedSeq) return;
    const to = Math.min(seq, this.lastSeq);
    const taken = this.db
      .prepare('SELECT kind, count(*) AS n FROM records WHERE seq > ? AND seq <= ? GROUP BY kind')
      .all(this.publishedSeq, to) as { kind: string; n: number }[];
    for (const { kind, n } of taken) {
      if (kind === 'result') this.published += n;
      else this.publishedEvents += n;
      if (this.options.safeWhen === 'published') this.depth -= n;
    }
    this.publishedSeq = to;
    this.cursorsChanged();
  }

  /** L2: the MES has stored everything up to `seq`; these records are deleted. Only ever moves forward. */
  markAcked(seq: number): void {
    if (!this.db || seq <= this.ackedSeq) return;
    const to = Math.min(seq, this.lastSeq);
    // What the MES has, the broker took, even when its PUBACK was lost with the connection.
    this.markPublished(to);
    if (this.options.safeWhen === 'acked') this.depth -= this.countRecords(this.ackedSeq, to);
    this.ackedSeq = to;
    this.cursorsChanged();
    this.scheduleDeletion();
  }

  cursors(): OutboxCursors {
    return { lastSeq: this.lastSeq, publishedSeq: this.publishedSeq, ackedSeq: this.ackedSeq };
  }

  /** Everything up to it needs no further care; delivery starts after it. */
  get safeSeq(): number {
    if (this.options.safeWhen === 'stored') return this.lastSeq;
    return this.options.safeWhen === 'published' ? this.publishedSeq : this.ackedSeq;
  }

  /** Calls back after each commit that stored records. @returns a function that ends it */
  onAppend(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  stats(): OutboxStats {
    const oldest = this.db
      ?.prepare('SELECT created_ms FROM records WHERE seq > ? ORDER BY seq LIMIT 1')
      .get(this.safeSeq) as { created_ms: number } | undefined;
    return {
      depth: this.depth,
      lastSeq: String(this.lastSeq),
      epoch: this.epoch,
      oldestAgeMs: oldest ? Math.max(0, this.clock.nowMs() - oldest.created_ms) : null,
      published: this.published,
      publishedEvents: this.publishedEvents,
      dropped: this.dropped,
      refused: this.refused,
      storedBytes: this.storedBytes,
    };
  }

  /** `degraded` while appends fail, with the coded reason; it clears with the next stored record. */
  health(): Health {
    if (!this.db) return { state: 'stopped' };
    return this.failure
      ? { state: 'degraded', detail: `${this.failure.code}: ${this.failure.message}` }
      : { state: 'ok' };
  }

  /** Present problem of the store, for the list of problems of the line; null when appends work. */
  problem(): PlumblineError | null {
    return this.failure;
  }

  async stop(): Promise<void> {
    if (!this.db) return;
    while (this.pending.length > 0) this.commitPending();
    try {
      this.writeCursors();
    } catch (error) {
      this.logger.warn({ reason: String(error) }, 'cursors were not stored; delivered records will be sent again');
    }
    this.close();
  }

  private commitPending(): void {
    if (!this.db) return;
    const { group, rows } = this.takeGroup();
    if (this.pending.length > 0) this.scheduleCommit();
    if (group.length === 0) return;
    try {
      this.store([...rows]);
    } catch (cause) {
      this.refuse(group, cause);
      return;
    }
    this.failure = null;
    group.forEach(({ resolve }, i) => {
      resolve(receiptFor(rows[i]!, this.epoch));
    });
    for (const listener of this.listeners) listener();
  }

  private scheduleCommit(): void {
    if (this.commitScheduled) return;
    this.commitScheduled = true;
    setImmediate(() => {
      this.commitScheduled = false;
      this.commitPending();
    });
  }

  /** Next drafts to store together; one that can never fit is refused alone, so that it does not take others with it. */
  private takeGroup(): { group: Pending[]; rows: Row[] } {
    const { maxBytes } = this.options;
    const group: Pending[] = [];
    const rows: Row[] = [];
    let groupBytes = 0;
    while (this.pending.length > 0 && group.length < maxGroup && groupBytes < maxBytes / 8) {
      const next = this.pending.shift()!;
      const row = this.toRow(next.draft, this.lastSeq + 1 + rows.length);
      if (row.bytes > maxBytes / 2) {
        next.reject(new PlumblineError('PLB_EDGE_OUTBOX_RECORD_TOO_LARGE', { bytes: row.bytes, maxBytes }));
        continue;
      }
      groupBytes += row.bytes;
      group.push(next);
      rows.push(row);
    }
    return { group, rows };
  }

  private store(rows: Row[]): void {
    const db = this.db!;
    const unreported = this.refusedUnreported;
    if (unreported.count > 0) {
      const data: ResultsDroppedData = { reason: 'disk_full', ...unreported, ranges: [] };
      rows.push(this.toRow(this.droppedEvent(data), this.lastSeq + 1 + rows.length));
    }
    const state = inTransaction(db, () => {
      const freed = this.makeRoom(rows);
      const insert = db.prepare('INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)');
      let addedBytes = 0;
      for (const row of rows) {
        insert.run(row.seq, row.kind, row.priority, row.id, row.createdMs, row.bytes, row.body);
        addedBytes += row.bytes;
      }
      const next = {
        lastSeq: this.lastSeq + rows.length,
        storedBytes: this.storedBytes + addedBytes - freed.bytes,
        dropped: this.dropped + freed.dropped,
        // Safe records go before any unsafe one, so each one given up had been counted in the depth.
        depth: this.options.safeWhen === 'stored' ? 0 : this.depth + rows.length - freed.dropped - freed.mergedReports,
      };
      this.updateCursorRow(next.lastSeq, next.storedBytes, next.dropped);
      return next;
    });
    Object.assign(this, state);
    this.cursorsDirty = false;
    this.refusedUnreported = { count: 0, notOk: 0 };
  }

  /** Frees what the rows need plus a little, and appends the event that says what was given up. */
  private makeRoom(rows: Row[]): Pick<Freed, 'bytes' | 'dropped' | 'mergedReports'> {
    const { maxBytes } = this.options;
    const needed = rows.reduce((sum, row) => sum + row.bytes, 0);
    const excess = this.storedBytes + needed - maxBytes;
    if (excess <= 0) return { bytes: 0, dropped: 0, mergedReports: 0 };
    // A margin, so that a full store drops in chunks with one event each instead of one by one.
    const freed = freeRoom(this.db!, excess + Math.min(maxBytes / 50, 262_144), this.safeSeq);
    if (freed.report) {
      rows.push(this.toRow(this.droppedEvent(freed.report), this.lastSeq + 1 + rows.length));
      this.logger.warn({ dropped: freed.dropped }, 'the outbox is full: undelivered records were dropped');
    }
    return freed;
  }

  private droppedEvent(data: ResultsDroppedData): EventDraft {
    return { kind: 'event', type: 'results_dropped', data: { ...data }, timestampMs: this.clock.nowMs() };
  }

  private refuse(group: readonly Pending[], cause: unknown): void {
    const { file } = this.options;
    const isFull = sqliteCode(cause).startsWith('SQLITE_FULL');
    const reason = cause instanceof Error ? cause.message : String(cause);
    const error = isFull
      ? new PlumblineError('PLB_EDGE_OUTBOX_DISK_FULL', { file, records: group.length }, { cause })
      : new PlumblineError('PLB_EDGE_OUTBOX_WRITE_FAILED', { file, reason, records: group.length }, { cause });
    this.failure = error;
    this.refused += group.length;
    for (const { draft, reject } of group) {
      this.refusedUnreported.count += 1;
      if (priorityOf(draft) === DropPriority.notOkResult) this.refusedUnreported.notOk += 1;
      reject(error);
    }
    this.logger.error({ code: error.code, reason }, error.message);
  }

  private toRow(draft: OutboxDraft, seq: number): Row {
    const identity = { id: this.newId(), sourceId: this.options.sourceId, epoch: this.epoch, seq };
    const wire = draft.kind === 'result' ? toWireResult(draft.inspection, identity) : toWireEvent(draft, identity);
    const body = JSON.stringify(wire);
    const bytes = Buffer.byteLength(body) + recordOverheadBytes;
    return {
      seq,
      kind: draft.kind,
      id: identity.id,
      createdMs: this.clock.nowMs(),
      priority: priorityOf(draft),
      bytes,
      body,
      wire,
    };
  }

  private cursorsChanged(): void {
    this.cursorsDirty = true;
    if (this.cursorTimer) return;
    this.cursorTimer = setTimeout(() => {
      this.cursorTimer = null;
      try {
        this.writeCursors();
      } catch (error) {
        this.logger.warn({ reason: String(error) }, 'cursors were not stored; retrying');
        this.cursorsChanged();
      }
    }, cursorDelayMs);
    this.cursorTimer.unref();
  }

  private writeCursors(): void {
    if (!this.db || !this.cursorsDirty) return;
    this.updateCursorRow(this.lastSeq, this.storedBytes, this.dropped);
    this.cursorsDirty = false;
  }

  private updateCursorRow(lastSeq: number, storedBytes: number, dropped: number): void {
    this.db!.prepare(
      'UPDATE cursors SET last_seq = ?, published_seq = ?, acked_seq = ?, stored_bytes = ?, dropped = ?',
    ).run(lastSeq, this.publishedSeq, this.ackedSeq, storedBytes, dropped);
  }

  private scheduleDeletion(): void {
    if (this.deletionScheduled || !this.db) return;
    this.deletionScheduled = true;
    setImmediate(() => {
      this.deletionScheduled = false;
      try {
        if (this.deleteSafe() === deleteStep) this.scheduleDeletion();
      } catch (error) {
        // The next maintenance tries again; records that stay are only sent again, never lost.
        this.logger.warn({ reason: String(error) }, 'delivered records were not deleted');
      }
    });
  }

  /** Deletes one step of records that nobody needs any more. @returns their number */
  private deleteSafe(): number {
    const db = this.db;
    if (!db) return 0;
    const isAcked = this.options.safeWhen === 'acked';
    const keepAfterMs = isAcked ? Number.MAX_SAFE_INTEGER : this.clock.nowMs() - this.options.retentionMs;
    // Only the oldest are looked at: a scan of everything kept for its retention time would hold the event loop.
    const oldest = db
      .prepare('SELECT seq, bytes, created_ms FROM records WHERE seq <= ? ORDER BY seq LIMIT ?')
      .all(this.safeSeq, deleteStep) as { seq: number; bytes: number; created_ms: number }[];
    const kept = oldest.findIndex(({ created_ms }) => created_ms >= keepAfterMs);
    const doomed = kept < 0 ? oldest : oldest.slice(0, kept);
    if (doomed.length === 0) return 0;
    const bytes = doomed.reduce((sum, row) => sum + row.bytes, 0);
    inTransaction(db, () => {
      db.prepare('DELETE FROM records WHERE seq <= ?').run(doomed.at(-1)!.seq);
      this.updateCursorRow(this.lastSeq, this.storedBytes - bytes, this.dropped);
    });
    this.storedBytes -= bytes;
    this.cursorsDirty = false;
    return doomed.length;
  }

  /** Records with after < seq <= upTo. */
  private countRecords(after: number, upTo: number): number {
    const row = this.db!.prepare('SELECT count(*) AS n FROM records WHERE seq > ? AND seq <= ?').get(after, upTo);
    return (row as { n: number }).n;
  }

  private close(): void {
    if (this.cursorTimer) clearTimeout(this.cursorTimer);
    if (this.maintenanceTimer) clearInterval(this.maintenanceTimer);
    this.cursorTimer = null;
    this.maintenanceTimer = null;
    this.db?.close();
    this.db = null;
    if (this.lock) {
      if (this.lock.inTransaction) this.lock.exec('ROLLBACK');
      this.lock.close();
    }
    this.lock = null;
  }
}

function priorityOf(draft: OutboxDraft): number {
  if (draft.kind === 'event') return draft.type === 'results_dropped' ? DropPriority.report : DropPriority.other;
  const { outcome } = draft.inspection;
  if (outcome.state === 'failed') return DropPriority.other;
  if (outcome.evaluation === 'NotOK') return DropPriority.notOkResult;
  return outcome.evaluation === 'OK' ? DropPriority.okResult : DropPriority.other;
}

function receiptFor(row: Row, epoch: string): ResultReceipt | EventReceipt {
  const base = { seq: String(row.seq), epoch };
  return row.wire.schema === 'vision.result/1'
    ? { ...base, kind: 'result', resultId: row.id, body: row.wire }
    : { ...base, kind: 'event', eventId: row.id, body: row.wire };
}
