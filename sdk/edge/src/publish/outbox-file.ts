import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { PlumblineError } from '@plumbline/contract';
import Database from 'libsql';
import type { SafeWhen } from './outbox-types.js';

/** "PLOB" in SQLite's application_id: an outbox is never mistaken for another database. */
const applicationId = 0x504c4f42;
const schemaVersion = 1;

const schemaSql = `
CREATE TABLE identity (id INTEGER PRIMARY KEY CHECK (id = 1), source_id TEXT NOT NULL, epoch TEXT NOT NULL, created_ms INTEGER NOT NULL,
  safe_when TEXT NOT NULL);
CREATE TABLE cursors (id INTEGER PRIMARY KEY CHECK (id = 1), last_seq INTEGER NOT NULL, published_seq INTEGER NOT NULL,
  acked_seq INTEGER NOT NULL, stored_bytes INTEGER NOT NULL, dropped INTEGER NOT NULL);
CREATE TABLE records (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, priority INTEGER NOT NULL, id TEXT NOT NULL,
  created_ms INTEGER NOT NULL, bytes INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX records_by_priority ON records (priority, seq);
INSERT INTO cursors VALUES (1, 0, 0, 0, 0, 0);`;

export interface OutboxIdentity {
  readonly sourceId: string;
  readonly epoch: string;
  readonly safeWhen: SafeWhen;
}

/**
 * Takes the single-writer lock: an exclusive transaction on a database of its own, so that the operating system releases
 * it when the process dies, and so that readers of the outbox file are never shut out.
 * @throws {PlumblineError} PLB_EDGE_OUTBOX_LOCKED when another connection holds it
 */
export function lockOutbox(file: string): Database.Database {
  mkdirSync(dirname(file), { recursive: true });
  const lock = openDatabase(`${file}.lock`);
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (cause) {
    lock.close();
    if (sqliteCode(cause).startsWith('SQLITE_BUSY'))
      throw new PlumblineError('PLB_EDGE_OUTBOX_LOCKED', { file }, { cause });
    throw new PlumblineError('PLB_EDGE_OUTBOX_INVALID', { file: `${file}.lock`, reason: String(cause) }, { cause });
  }
}

/**
 * Prepares an open connection for writing and creates the schema in an empty file.
 * @param newEpoch called once, when the file is new
 * @throws {PlumblineError} PLB_EDGE_OUTBOX_INVALID, PLB_EDGE_OUTBOX_FOREIGN
 */
export function prepareOutbox(
  db: Database.Database,
  file: string,
  sourceId: string,
  safeWhen: SafeWhen,
  nowMs: number,
  newEpoch: () => string,
): OutboxIdentity {
  try {
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    if (pragmaNumber(db, 'user_version') === 0 && isEmpty(db)) {
      inTransaction(db, () => {
        db.exec(schemaSql);
        db.prepare('INSERT INTO identity VALUES (1, ?, ?, ?, ?)').run(sourceId, newEpoch(), nowMs, safeWhen);
        db.pragma(`application_id = ${applicationId}`);
        db.pragma(`user_version = ${schemaVersion}`);
      });
    }
  } catch (cause) {
    throw new PlumblineError('PLB_EDGE_OUTBOX_INVALID', { file, reason: reasonOf(cause) }, { cause });
  }
  const identity = readIdentity(db, file);
  if (identity.sourceId !== sourceId) {
    throw new PlumblineError('PLB_EDGE_OUTBOX_FOREIGN', { file, owner: identity.sourceId, sourceId });
  }
  if (identity.safeWhen !== safeWhen) db.prepare('UPDATE identity SET safe_when = ?').run(safeWhen);
  return { ...identity, safeWhen };
}

/** @throws {PlumblineError} PLB_EDGE_OUTBOX_INVALID when the file is not an outbox of a known version */
export function readIdentity(db: Database.Database, file: string): OutboxIdentity {
  try {
    const id = pragmaNumber(db, 'application_id');
    const version = pragmaNumber(db, 'user_version');
    if (id !== applicationId) throw new Error('it is another kind of database');
    if (version !== schemaVersion)
      throw new Error(`its version is ${version}, this program reads version ${schemaVersion}`);
    const row = db.prepare('SELECT source_id, epoch, safe_when FROM identity').get() as {
      source_id: string;
      epoch: string;
      safe_when: SafeWhen;
    };
    return { sourceId: row.source_id, epoch: row.epoch, safeWhen: row.safe_when };
  } catch (cause) {
    throw new PlumblineError('PLB_EDGE_OUTBOX_INVALID', { file, reason: reasonOf(cause) }, { cause });
  }
}

/** @throws {PlumblineError} PLB_EDGE_OUTBOX_INVALID when the file cannot be opened or created */
export function openDatabase(file: string): Database.Database {
  try {
    return new Database(file);
  } catch (cause) {
    throw new PlumblineError('PLB_EDGE_OUTBOX_INVALID', { file, reason: reasonOf(cause) }, { cause });
  }
}

/**
 * Runs `work` in one write transaction. libsql's own `transaction()` is not used: SQLite has already rolled back when the
 * disk is full, its ROLLBACK then fails and hides SQLITE_FULL (libsql 0.5.29).
 */
export function inTransaction<T>(db: Database.Database, work: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** SQLite's error name such as SQLITE_FULL; empty for anything else. */
export function sqliteCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

function pragmaNumber(db: Database.Database, name: string): number {
  // `simple: true` returns an object in libsql 0.5.29.
  const rows = db.pragma(name) as Record<string, number>[];
  return rows[0]?.[name] ?? 0;
}

function isEmpty(db: Database.Database): boolean {
  return (db.prepare('SELECT count(*) AS n FROM sqlite_master').get() as { n: number }).n === 0;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
