import { existsSync } from 'node:fs';
import { PlumblineError } from '@plumbline/contract';
import { openDatabase, readIdentity } from './outbox-file.js';
import type { OutboxCursors, OutboxRecord, SafeWhen } from './outbox-types.js';

export interface OutboxSummary extends OutboxCursors {
  readonly sourceId: string;
  readonly epoch: string;
  readonly safeWhen: SafeWhen;
  /** Stored records, safe ones that are kept for their retention time included. */
  readonly records: number;
  /** Records that are not yet safe. */
  readonly depth: number;
  readonly storedBytes: number;
  /** Records ever dropped unsafe from this file. */
  readonly dropped: number;
  /** Time of the oldest and newest stored record, Unix epoch ms; null when there is none. */
  readonly oldestMs: number | null;
  readonly newestMs: number | null;
  /** Seqs that are neither safe nor stored: they were dropped. Both ends inclusive. */
  readonly gaps: readonly { readonly fromSeq: number; readonly toSeq: number }[];
}

/** Looks into an outbox file beside a running daemon, or without one. */
export interface OutboxReader {
  summary(): OutboxSummary;
  /** Records after `seq`, ascending, read in windows. */
  records(afterSeq?: number): Generator<OutboxRecord>;
  close(): void;
}

const windowRecords = 256;

/**
 * Opens an outbox file for reading only.
 * @throws {PlumblineError} PLB_EDGE_OUTBOX_INVALID when there is no such file or it is no outbox
 */
export function openOutboxReader(file: string, open: typeof openDatabase = openDatabase): OutboxReader {
  // Opening creates a missing file, so it is looked for first.
  if (!existsSync(file)) throw new PlumblineError('PLB_EDGE_OUTBOX_INVALID', { file, reason: 'no such file' });
  const db = open(file);
  // libsql ignores its `readonly: true` (0.5.29: such a connection wrote).
  db.pragma('query_only = ON');
  const identity = readIdentity(db, file);

  function* records(afterSeq = 0): Generator<OutboxRecord> {
    const statement = db.prepare(
      'SELECT seq, kind, id, created_ms AS createdMs, body FROM records WHERE seq > ? ORDER BY seq LIMIT ?',
    );
    for (let last = afterSeq; ; ) {
      const rows = statement.all(last, windowRecords) as OutboxRecord[];
      if (rows.length === 0) return;
      yield* rows;
      last = rows.at(-1)!.seq;
    }
  }

  function summary(): OutboxSummary {
    const row = db.prepare('SELECT * FROM cursors').get() as Record<string, number>;
    const cursors = { lastSeq: row.last_seq!, publishedSeq: row.published_seq!, ackedSeq: row.acked_seq! };
    const safeSeq = { stored: cursors.lastSeq, published: cursors.publishedSeq, acked: cursors.ackedSeq }[
      identity.safeWhen
    ];
    const all = db
      .prepare('SELECT count(*) AS n, min(created_ms) AS oldest, max(created_ms) AS newest FROM records')
      .get() as { n: number; oldest: number | null; newest: number | null };
    const { n: depth } = db.prepare('SELECT count(*) AS n FROM records WHERE seq > ?').get(safeSeq) as { n: number };
    const jumps = db
      .prepare(
        'SELECT seq, before FROM (SELECT seq, lag(seq, 1, ?) OVER (ORDER BY seq) AS before FROM records WHERE seq > ?) WHERE seq > before + 1',
      )
      .all(safeSeq, safeSeq) as { seq: number; before: number }[];
    return {
      ...identity,
      ...cursors,
      records: all.n,
      depth,
      storedBytes: row.stored_bytes!,
      dropped: row.dropped!,
      oldestMs: all.oldest,
      newestMs: all.newest,
      gaps: jumps.map(({ seq, before }) => ({ fromSeq: before + 1, toSeq: seq - 1 })),
    };
  }

  return { summary, records, close: () => void db.close() };
}
