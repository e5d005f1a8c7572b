import {
  type Health,
  isPlumblineError,
  PlumblineError,
  type ResultsDroppedData,
  type Service,
} from '@plumbline/contract';
import { type Logger, silentLogger } from '@plumbline/core/log';
import { type Clock, systemClock, systemRandom } from './clock.js';
import { sqliteCode } from './outbox-file.js';
import { DropPriority, recordOverheadBytes } from './outbox-room.js';
import { OutboxStore, type Row } from './outbox-store.js';
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
/** Advanced cursors and deletions wait this long for company: each costs a flush of the disk, losing them only a repeat. */
const tidyDelayMs = 250;

interface Pending {
  readonly draft: OutboxDraft;
  resolve(receipt: ResultReceipt | EventReceipt): void;
  reject(error: PlumblineError): void;
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
  private store: OutboxStore | null = null;
  /** What was true when the file was closed. */
  private closedAt: OutboxCursors & { epoch: string; storedBytes: number; dropped: number } = {
    lastSeq: 0,
    publishedSeq: 0,
    ackedSeq: 0,
    epoch: '',
    storedBytes: 0,
    dropped: 0,
  };
  private depth = 0;
  private published = 0;
  private publishedEvents = 0;
  private refused = 0;
  private refusedUnreported = { count: 0, notOk: 0 };
  private failure: PlumblineError | null = null;
  private pending: Pending[] = [];
  private isCommitScheduled = false;
  private tidyTimer: NodeJS.Timeout | null = null;
  private maintenanceTimer: NodeJS.Timeout | null = null;
  private isRetentionDue = true;

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
    const store = OutboxStore.open(this.options, this.clock.nowMs(), this.newId);
    this.store = store;
    try {
      const { results, events } = store.count(this.safeSeq, store.lastSeq);
      this.depth = results + events;
    } catch (error) {
      this.store = null;
      store.close();
      throw error;
    }
    this.maintenanceTimer = setInterval(() => {
      this.isRetentionDue = true;
      this.tidySoon();
    }, maintenancePeriodMs);
    this.maintenanceTimer.unref();
    this.tidySoon();
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
    if (!this.store) return Promise.reject(new PlumblineError('PLB_EDGE_OUTBOX_CLOSED', { file: this.options.file }));
    return new Promise((resolve, reject) => {
      this.pending.push({ draft, resolve, reject });
      this.scheduleCommit();
    });
  }

  /**
   * Oldest records after `seq`, ascending; dropped and deleted ones are simply absent.
   * @throws {PlumblineError} PLB_EDGE_OUTBOX_READ_FAILED, as do the two marks below
   */
  readAfter(seq: number, limit: number): OutboxRecord[] {
    return this.store?.readAfter(seq, limit) ?? [];
  }

  /** L1: the broker took everything up to `seq`. Only ever moves forward. */
  markPublished(seq: number): void {
    const { store } = this;
    if (!store || seq <= store.publishedSeq) return;
    const to = Math.min(seq, store.lastSeq);
    const { results, events } = store.count(store.publishedSeq, to);
    this.published += results;
    this.publishedEvents += events;
    if (this.options.safeWhen === 'published') this.depth -= results + events;
    store.moveCursors({ publishedSeq: to });
    this.tidySoon();
  }

  /** L2: the MES has stored everything up to `seq`; these records are deleted. Only ever moves forward. */
  markAcked(seq: number): void {
    const { store } = this;
    if (!store || seq <= store.ackedSeq) return;
    const to = Math.min(seq, store.lastSeq);
    // What the MES has, the broker took, even when its PUBACK was lost with the connection.
    this.markPublished(to);
    if (this.options.safeWhen === 'acked') {
      const { results, events } = store.count(store.ackedSeq, to);
      this.depth -= results + events;
    }
    store.moveCursors({ ackedSeq: to });
    this.tidySoon();
  }

  cursors(): OutboxCursors {
    const { lastSeq, publishedSeq, ackedSeq } = this.store ?? this.closedAt;
    return { lastSeq, publishedSeq, ackedSeq };
  }

  /** Everything up to it needs no further care; delivery starts after it. */
  get safeSeq(): number {
    const { lastSeq, publishedSeq, ackedSeq } = this.cursors();
    return { stored: lastSeq, published: publishedSeq, acked: ackedSeq }[this.options.safeWhen];
  }

  /** Calls back after each commit that stored records. @returns a function that ends it */
  onAppend(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  stats(): OutboxStats {
    const { lastSeq } = this.cursors();
    const { storedBytes, dropped } = this.store ?? this.closedAt;
    const oldestMs = this.oldestUnsafeMs();
    return {
      depth: this.depth,
      lastSeq: String(lastSeq),
      epoch: this.store?.identity.epoch ?? this.closedAt.epoch,
      oldestAgeMs: oldestMs === null ? null : Math.max(0, this.clock.nowMs() - oldestMs),
      published: this.published,
      publishedEvents: this.publishedEvents,
      dropped,
      refused: this.refused,
      storedBytes,
    };
  }

  /** `degraded` while the file fails, with the coded reason; it clears with the next stored record. */
  health(): Health {
    if (!this.store) return { state: 'stopped' };
    const { failure } = this;
    return failure ? { state: 'degraded', detail: `${failure.code}: ${failure.message}` } : { state: 'ok' };
  }

  /** Present problem of the store, for the list of problems of the line; null when it works. */
  problem(): PlumblineError | null {
    return this.failure;
  }

  async stop(): Promise<void> {
    const { store } = this;
    if (!store) return;
    while (this.pending.length > 0) this.commitPending();
    if (this.tidyTimer) clearTimeout(this.tidyTimer);
    if (this.maintenanceTimer) clearInterval(this.maintenanceTimer);
    this.tidyTimer = this.maintenanceTimer = null;
    try {
      store.saveCursors();
    } catch (error) {
      this.logger.warn({ reason: String(error) }, 'cursors were not stored; delivered records will be sent again');
    }
    const { storedBytes, dropped, identity } = store;
    this.closedAt = { ...this.cursors(), epoch: identity.epoch, storedBytes, dropped };
    this.store = null;
    store.close();
  }

  private scheduleCommit(): void {
    if (this.isCommitScheduled) return;
    this.isCommitScheduled = true;
    setImmediate(() => {
      this.isCommitScheduled = false;
      this.commitPending();
    });
  }

  private commitPending(): void {
    const { store } = this;
    if (!store) return;
    const { group, rows } = this.takeGroup(store.lastSeq + 1);
    if (this.pending.length > 0) this.scheduleCommit();
    if (group.length === 0) return;
    try {
      this.commit(store, rows);
    } catch (cause) {
      this.refuse(group, cause);
      return;
    }
    group.forEach(({ resolve }, i) => {
      resolve(receiptFor(rows[i]!, store.identity.epoch));
    });
    for (const listener of this.listeners) listener();
  }

  /** Next drafts to store together; one that can never fit is refused alone, so that it does not take others with it. */
  private takeGroup(firstSeq: number): { group: Pending[]; rows: Row[] } {
    const { maxBytes } = this.options;
    const group: Pending[] = [];
    const rows: Row[] = [];
    let groupBytes = 0;
    while (this.pending.length > 0 && group.length < maxGroup && groupBytes < maxBytes / 8) {
      const next = this.pending.shift()!;
      const row = this.toRow(next.draft, firstSeq + rows.length);
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

  private commit(store: OutboxStore, rows: readonly Row[]): void {
    const unreported = this.refusedUnreported;
    const report = (data: ResultsDroppedData, seq: number) =>
      this.toRow({ kind: 'event', type: 'results_dropped', data: { ...data }, timestampMs: this.clock.nowMs() }, seq);
    const all = [...rows];
    if (unreported.count > 0) {
      all.push(report({ reason: 'disk_full', ...unreported, ranges: [] }, store.lastSeq + 1 + rows.length));
    }
    const { maxBytes, safeWhen } = this.options;
    const { added, dropped } = store.insert(all, { safeSeq: this.safeSeq, maxBytes }, report);
    // Safe records go before any unsafe one, so each one given up had been counted in the depth.
    if (safeWhen !== 'stored') this.depth += added;
    if (dropped > 0) this.logger.warn({ dropped }, 'the outbox is full: undelivered records were dropped');
    this.refusedUnreported = { count: 0, notOk: 0 };
    this.failure = null;
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
    const identity = { id: this.newId(), sourceId: this.options.sourceId, epoch: this.store!.identity.epoch, seq };
    const wire = draft.kind === 'result' ? toWireResult(draft.inspection, identity) : toWireEvent(draft, identity);
    const body = JSON.stringify(wire);
    const bytes = Buffer.byteLength(body) + recordOverheadBytes;
    const { id } = identity;
    return { seq, kind: draft.kind, id, createdMs: this.clock.nowMs(), priority: priorityOf(draft), bytes, body, wire };
  }

  private tidySoon(delayMs = tidyDelayMs): void {
    if (this.tidyTimer) return;
    this.tidyTimer = setTimeout(() => {
      this.tidyTimer = null;
      this.tidy();
    }, delayMs);
    this.tidyTimer.unref();
  }

  /** Deletes a step of what nobody needs any more and stores the cursors. */
  private tidy(): void {
    const { store } = this;
    if (!store) return;
    const isAcked = this.options.safeWhen === 'acked';
    try {
      if (isAcked || this.isRetentionDue) {
        const beforeMs = isAcked ? Number.MAX_SAFE_INTEGER : this.clock.nowMs() - this.options.retentionMs;
        this.isRetentionDue = store.deleteOldest(this.safeSeq, beforeMs, deleteStep) === deleteStep;
        if (this.isRetentionDue) this.tidySoon(0);
      }
      store.saveCursors();
    } catch (error) {
      // Only space and repeats are at stake: what stays is sent again, never lost.
      this.logger.warn({ reason: String(error) }, 'delivered records were not deleted; trying again');
      this.tidySoon(1000);
    }
  }

  private oldestUnsafeMs(): number | null {
    try {
      return this.store?.oldestMs(this.safeSeq) ?? null;
    } catch (error) {
      if (isPlumblineError(error)) this.failure = error;
      return null;
    }
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
