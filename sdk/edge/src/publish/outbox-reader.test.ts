import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { describe, expect, it } from 'vitest';
import { openOutbox, resultDraft, temporaryFolder } from './outbox.test.fixture.js';
import { openOutboxReader } from './outbox-reader.js';

describe('openOutboxReader', () => {
  it('reads beside the writer what is stored, waiting and dropped', async () => {
    const { outbox, file } = await openOutbox({ maxBytes: 100_000 });
    for (let i = 0; i < 150; i++) await outbox.append(resultDraft());
    const reader = openOutboxReader(file);
    const summary = reader.summary();
    const { epoch, depth, dropped } = outbox.stats();
    expect(summary).toMatchObject({ sourceId: 'pcb-1', epoch, depth, dropped, safeWhen: 'acked', ackedSeq: 0 });
    const missing = summary.gaps.reduce((sum, { fromSeq, toSeq }) => sum + toSeq - fromSeq + 1, 0);
    expect(summary.records + missing).toBe(summary.lastSeq);
    expect([...reader.records()].map(({ seq }) => seq)).toEqual(outbox.readAfter(0, 1000).map(({ seq }) => seq));
    await outbox.append(resultDraft());
    expect(reader.summary().lastSeq).toBeGreaterThan(summary.lastSeq);
    reader.close();
  });

  it('cannot write', async () => {
    const { outbox, file } = await openOutbox();
    await outbox.append(resultDraft());
    let connection: Database.Database | undefined;
    const reader = openOutboxReader(file, (path) => (connection = new Database(path)));
    expect(() => connection!.exec('DELETE FROM records')).toThrow(/readonly/);
    reader.close();
  });

  it('says that there is no such file with PLB_EDGE_OUTBOX_INVALID, and creates none', () => {
    const file = join(temporaryFolder(), 'none.db');
    expect(() => openOutboxReader(file)).toThrow(expect.objectContaining({ code: 'PLB_EDGE_OUTBOX_INVALID' }));
    expect(existsSync(file)).toBe(false);
  });
});
