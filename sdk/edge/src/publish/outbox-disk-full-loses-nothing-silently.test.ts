import Database from 'libsql';
import { describe, expect, it } from 'vitest';
import { openOutbox, resultDraft } from './outbox.test.fixture.js';

/** SQLite reports a page limit exactly as it reports a full disk: SQLITE_FULL, transaction rolled back. */
function limitPages(db: Database.Database, pages: number): void {
  db.pragma(`max_page_count = ${pages}`);
}

describe('a full disk', () => {
  it('rejects appends with PLB_EDGE_OUTBOX_DISK_FULL, recovers by itself, keeps seq gap-free and reports the refused parts', async () => {
    let db: Database.Database | undefined;
    const { outbox } = await openOutbox({ openDatabase: (path) => (db = new Database(path)) });
    limitPages(db!, 20);
    const outcomes: ('stored' | string)[] = [];
    for (let i = 0; i < 120; i++) {
      outcomes.push(
        await outbox.append(resultDraft('NotOK')).then(
          () => 'stored',
          (error) => error.code,
        ),
      );
    }
    const stored = outcomes.filter((outcome) => outcome === 'stored').length;
    expect(new Set(outcomes)).toEqual(new Set(['stored', 'PLB_EDGE_OUTBOX_DISK_FULL']));
    expect(outbox.health().state).toBe('degraded');
    expect(outbox.stats()).toMatchObject({ depth: stored, lastSeq: String(stored), refused: 120 - stored });

    limitPages(db!, 100_000);
    const { seq } = await outbox.append(resultDraft());
    expect(seq).toBe(String(stored + 1));
    expect(outbox.health()).toEqual({ state: 'ok' });
    const records = outbox.readAfter(0, 1000);
    expect(records.map((record) => record.seq)).toEqual(Array.from({ length: stored + 2 }, (_, i) => i + 1));
    expect(JSON.parse(records.at(-1)!.body)).toMatchObject({
      type: 'results_dropped',
      data: { reason: 'disk_full', count: 120 - stored, notOk: 120 - stored, ranges: [] },
    });
  });

  it('rejects with PLB_EDGE_OUTBOX_WRITE_FAILED when writing fails for another reason, and recovers', async () => {
    let db: Database.Database | undefined;
    const { outbox } = await openOutbox({ openDatabase: (path) => (db = new Database(path)) });
    db!.pragma('query_only = ON');
    await expect(outbox.append(resultDraft())).rejects.toMatchObject({ code: 'PLB_EDGE_OUTBOX_WRITE_FAILED' });
    db!.pragma('query_only = OFF');
    expect((await outbox.append(resultDraft())).seq).toBe('1');
  });
});
