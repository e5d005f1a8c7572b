import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { describe, expect, it, vi } from 'vitest';
import type { Outbox } from './outbox.js';
import { eventDraft, openOutbox, resultDraft, temporaryFolder } from './outbox.test.fixture.js';

const seqsOf = (outbox: Outbox) => outbox.readAfter(0, 100_000).map(({ seq }) => seq);

describe('Outbox', () => {
  it('numbers results and events in one stream from 1 and returns what it stored', async () => {
    const { outbox } = await openOutbox();
    const [result, event] = await Promise.all([outbox.append(resultDraft('NotOK')), outbox.append(eventDraft())]);
    expect([result.seq, event.seq]).toEqual(['1', '2']);
    expect([result.body.resultId, event.body.eventId]).toEqual([result.resultId, event.eventId]);
    const stored = outbox.readAfter(0, 10);
    expect(stored.map(({ kind, id }) => [kind, id])).toEqual([
      ['result', result.resultId],
      ['event', event.eventId],
    ]);
    expect(stored.map(({ body }) => JSON.parse(body))).toEqual([result.body, event.body]);
  });

  it('writes through to the disk: WAL with synchronous FULL', async () => {
    let connection: Database.Database | undefined;
    await openOutbox({ openDatabase: (path) => (connection = new Database(path)) });
    expect(connection?.pragma('journal_mode')).toMatchObject([{ journal_mode: 'wal' }]);
    expect(connection?.pragma('synchronous')).toMatchObject([{ synchronous: 2 }]);
  });

  it('commits the appends of one turn together', async () => {
    let commits = 0;
    const { outbox } = await openOutbox({
      openDatabase: (path) => {
        const db = new Database(path);
        const exec = db.exec.bind(db);
        db.exec = (sql) => {
          if (sql === 'COMMIT') commits += 1;
          return exec(sql);
        };
        return db;
      },
    });
    commits = 0;
    await Promise.all(Array.from({ length: 100 }, () => outbox.append(resultDraft())));
    expect(commits).toBe(1);
    expect(seqsOf(outbox)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
  });

  it('resolves an append only when another connection can read the record', async () => {
    const { outbox, file } = await openOutbox();
    await outbox.append(resultDraft());
    const other = new Database(file);
    expect(other.prepare('SELECT count(*) AS n FROM records').get()).toMatchObject({ n: 1 });
    other.close();
  });

  it('goes on with the same epoch and the next seq after a restart, also when everything was deleted', async () => {
    const { outbox, file } = await openOutbox();
    const first = await outbox.append(resultDraft());
    outbox.markAcked(1);
    await vi.waitFor(() => expect(seqsOf(outbox)).toEqual([]));
    await outbox.stop();
    const again = await openOutbox({ file });
    const second = await again.outbox.append(resultDraft());
    expect([second.seq, second.epoch]).toEqual(['2', first.epoch]);
    expect(again.outbox.cursors()).toEqual({ lastSeq: 2, publishedSeq: 1, ackedSeq: 1 });
  });

  it('gives each file an epoch of its own', async () => {
    const a = await openOutbox();
    const b = await openOutbox();
    expect(a.outbox.stats().epoch).not.toBe(b.outbox.stats().epoch);
  });

  it('refuses a second writer with PLB_EDGE_OUTBOX_LOCKED and lets the next one in after a stop', async () => {
    const { outbox, file } = await openOutbox();
    await expect(openOutbox({ file })).rejects.toMatchObject({ code: 'PLB_EDGE_OUTBOX_LOCKED', params: { file } });
    await outbox.stop();
    await openOutbox({ file });
  });

  it('refuses the store of another station with PLB_EDGE_OUTBOX_FOREIGN', async () => {
    const { outbox, file } = await openOutbox();
    await outbox.stop();
    await expect(openOutbox({ file, sourceId: 'pcb-2' })).rejects.toMatchObject({
      code: 'PLB_EDGE_OUTBOX_FOREIGN',
      params: { owner: 'pcb-1', sourceId: 'pcb-2' },
    });
    await openOutbox({ file });
  });

  it('refuses a file that is no outbox with PLB_EDGE_OUTBOX_INVALID and leaves it as it is', async () => {
    const folder = temporaryFolder();
    const noDatabase = join(folder, 'text.db');
    writeFileSync(noDatabase, 'no database '.repeat(100));
    await expect(openOutbox({ file: noDatabase })).rejects.toMatchObject({ code: 'PLB_EDGE_OUTBOX_INVALID' });
    const otherDatabase = join(folder, 'other.db');
    const db = new Database(otherDatabase);
    db.exec('CREATE TABLE mine (x)');
    db.close();
    await expect(openOutbox({ file: otherDatabase })).rejects.toMatchObject({ code: 'PLB_EDGE_OUTBOX_INVALID' });
  });

  it('refuses appends before start and after stop with PLB_EDGE_OUTBOX_CLOSED', async () => {
    const { outbox, file } = await openOutbox();
    await outbox.stop();
    await outbox.stop();
    await expect(outbox.append(resultDraft())).rejects.toMatchObject({
      code: 'PLB_EDGE_OUTBOX_CLOSED',
      params: { file },
    });
    expect(outbox.health()).toEqual({ state: 'stopped' });
  });

  it('stores what was appended right before a stop', async () => {
    const { outbox, file } = await openOutbox();
    const receipts = Promise.all(Array.from({ length: 600 }, () => outbox.append(resultDraft())));
    await outbox.stop();
    expect((await receipts).length).toBe(600);
    expect((await openOutbox({ file })).outbox.stats().depth).toBe(600);
  });
});

describe('delivery cursors', () => {
  it('count a record as safe once the MES has it, when acknowledgements are configured', async () => {
    const { outbox } = await openOutbox({ safeWhen: 'acked' });
    await Promise.all([1, 2, 3, 4].map(() => outbox.append(resultDraft())));
    outbox.markPublished(4);
    expect(outbox.stats()).toMatchObject({ depth: 4, published: 4 });
    outbox.markAcked(3);
    expect(outbox.stats().depth).toBe(1);
    await vi.waitFor(() => expect(seqsOf(outbox)).toEqual([4]));
  });

  it('count a record as safe once the broker has it, otherwise, and keep it for the retention time', async () => {
    let nowMs = 1_700_000_000_000;
    const { outbox, file } = await openOutbox({
      safeWhen: 'published',
      retentionMs: 1000,
      clock: { nowMs: () => nowMs },
    });
    await Promise.all([outbox.append(resultDraft()), outbox.append(eventDraft())]);
    nowMs += 500;
    expect(outbox.stats()).toMatchObject({ depth: 2, oldestAgeMs: 500 });
    outbox.markPublished(2);
    expect(outbox.stats()).toMatchObject({ depth: 0, oldestAgeMs: null, published: 1, publishedEvents: 1 });
    await vi.waitFor(() => expect(seqsOf(outbox)).toEqual([1, 2]));
    await outbox.stop();
    nowMs += 501;
    const later = await openOutbox({ file, safeWhen: 'published', retentionMs: 1000, clock: { nowMs: () => nowMs } });
    await vi.waitFor(() => expect(seqsOf(later.outbox)).toEqual([]));
  });

  it('never move backwards or past the end of the stream', async () => {
    const { outbox } = await openOutbox();
    await outbox.append(resultDraft());
    outbox.markAcked(9);
    outbox.markPublished(9);
    outbox.markAcked(0);
    expect(outbox.cursors()).toEqual({ lastSeq: 1, publishedSeq: 1, ackedSeq: 1 });
    expect(outbox.stats()).toMatchObject({ depth: 0, published: 1 });
  });

  it('count a result as published once, however often it is sent', async () => {
    const { outbox } = await openOutbox();
    await Promise.all([outbox.append(resultDraft()), outbox.append(resultDraft())]);
    outbox.markPublished(2);
    outbox.markPublished(1);
    outbox.markPublished(2);
    expect(outbox.stats().published).toBe(2);
  });
});
