import type { VisionEvent, VisionEventType, VisionResult } from '@plumbline/contract';
import type { Logger } from '@plumbline/core/log';
import type Database from 'libsql';
import type { Inspection } from '../inspection.js';
import type { Clock, RandomSource } from './clock.js';

export interface ResultDraft {
  readonly kind: 'result';
  readonly inspection: Inspection;
}

export interface EventDraft {
  readonly kind: 'event';
  readonly type: VisionEventType;
  readonly data: Readonly<Record<string, unknown>>;
  /** Unix epoch ms. */
  readonly timestampMs: number;
}

export type OutboxDraft = ResultDraft | EventDraft;

interface Receipt {
  /** Decimal uint64, gap-free per (sourceId, epoch). */
  readonly seq: string;
  readonly epoch: string;
}

/** What the caller gets once the record is on disk. */
export interface ResultReceipt extends Receipt {
  readonly kind: 'result';
  readonly resultId: string;
  readonly body: VisionResult;
}

export interface EventReceipt extends Receipt {
  readonly kind: 'event';
  readonly eventId: string;
  readonly body: VisionEvent;
}

/** One stored record. `body` is sent as it is, every time: retries are byte-identical. */
export interface OutboxRecord {
  readonly seq: number;
  readonly kind: 'result' | 'event';
  /** resultId or eventId. */
  readonly id: string;
  /** Time of the append, Unix epoch ms. */
  readonly createdMs: number;
  readonly body: string;
}

/**
 * When a record needs no further care and may be deleted.
 * - `stored`: no publisher is configured; kept for the retention time.
 * - `published`: the broker took it (PUBACK); kept for the retention time.
 * - `acked`: the MES has acknowledged it; deleted at once.
 */
export type SafeWhen = 'stored' | 'published' | 'acked';

export interface OutboxOptions {
  /** SQLite file; its folder is created. `<file>.lock` beside it enforces the single writer. */
  readonly file: string;
  readonly sourceId: string;
  /** Stored bytes (bodies plus 128 per record) above which records are dropped; the file itself is a little larger. */
  readonly maxBytes: number;
  readonly safeWhen: SafeWhen;
  /** Time that safe records are kept, unless `acked`. */
  readonly retentionMs: number;
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly random?: RandomSource;
  /** Opens the database connection; tests pass one with a page limit. */
  readonly openDatabase?: (file: string) => Database.Database;
}

export interface OutboxStats {
  /** Records that are not yet safe. */
  readonly depth: number;
  /** Newest stored seq; "0" before the first record. */
  readonly lastSeq: string;
  readonly epoch: string;
  /** Age of the oldest record that is not yet safe, ms; null when there is none. */
  readonly oldestAgeMs: number | null;
  /** Results that the broker took for the first time since this process started. */
  readonly published: number;
  /** Events that the broker took for the first time since this process started. */
  readonly publishedEvents: number;
  /** Records ever dropped unsafe from this file. */
  readonly dropped: number;
  /** Appends refused since this process started because the disk was full or failing. */
  readonly refused: number;
  /** Logical bytes of all stored records. */
  readonly storedBytes: number;
}

/** Positions in the stream, all inclusive; 0 = nothing yet. */
export interface OutboxCursors {
  readonly lastSeq: number;
  /** L1: everything up to it was taken by the broker at least once. */
  readonly publishedSeq: number;
  /** L2: everything up to it is stored by the MES. */
  readonly ackedSeq: number;
}
