import { resultsDroppedDataSchema } from '@plumbline/contract';
import { describe, expect, it } from 'vitest';
import type { Outbox } from './outbox.js';
import { eventDraft, openOutbox, resultDraft } from './outbox.test.fixture.js';
import { toWireRanges } from './outbox-room.js';

const maxBytes = 100_000;

/** Every seq is stored, dropped and reported, or safe and deleted: nothing just disappears. */
function accountFor(outbox: Outbox) {
  const records = outbox.readAfter(0, 100_000);
  const events = records.map(({ body }) => JSON.parse(body)).filter(({ type }) => type === 'results_dropped');
  const dropped = events.flatMap(({ data }) =>
    resultsDroppedDataSchema.parse(data).ranges.flatMap(([from, to]) => {
      const seqs: number[] = [];
      for (let seq = Number(from); seq <= Number(to); seq++) seqs.push(seq);
      return seqs;
    }),
  );
  return { stored: records, dropped, reportedCount: events.reduce((sum, { data }) => sum + data.count, 0) };
}

describe('a full outbox', () => {
  it('drops the oldest OK results first, keeps every reject, and reports each dropped seq', async () => {
    const { outbox } = await openOutbox({ maxBytes });
    const notOk: string[] = [];
    for (let i = 0; i < 300; i++) {
      const receipt = await outbox.append(resultDraft(i % 10 === 0 ? 'NotOK' : 'OK'));
      if (i % 10 === 0) notOk.push(receipt.resultId);
    }
    const { stored, dropped, reportedCount } = accountFor(outbox);
    expect(outbox.stats().dropped).toBeGreaterThan(100);
    expect(reportedCount).toBe(outbox.stats().dropped);
    const ids = new Set(stored.map(({ id }) => id));
    expect(notOk.filter((id) => !ids.has(id))).toEqual([]);
    const all = [...stored.map(({ seq }) => seq), ...dropped].sort((a, b) => a - b);
    expect(all).toEqual(Array.from({ length: Number(outbox.stats().lastSeq) }, (_, i) => i + 1));
    expect(outbox.stats()).toMatchObject({ depth: stored.length });
    expect(outbox.stats().storedBytes).toBeLessThanOrEqual(maxBytes);
  });

  it('drops rejects only when nothing else is left', async () => {
    const { outbox } = await openOutbox({ maxBytes });
    for (let i = 0; i < 200; i++) await outbox.append(resultDraft('NotOK'));
    const { stored, dropped } = accountFor(outbox);
    const all = [...stored.map(({ seq }) => seq), ...dropped].sort((a, b) => a - b);
    expect(all).toEqual(Array.from({ length: Number(outbox.stats().lastSeq) }, (_, i) => i + 1));
    const reports = stored.map(({ body }) => JSON.parse(body)).filter(({ type }) => type === 'results_dropped');
    // 200 rejects, each either stored or counted once, although reports were merged on the way.
    expect(reports.reduce((sum, { data }) => sum + data.notOk, 0)).toBe(200 - (stored.length - reports.length));
    expect(outbox.stats().dropped).toBe(200 - (stored.length - reports.length));
  });

  it('gives up records that were delivered and only kept, without counting them as dropped', async () => {
    const { outbox } = await openOutbox({ maxBytes, safeWhen: 'published' });
    for (let i = 0; i < 300; i++) {
      const { seq } = await outbox.append(resultDraft());
      outbox.markPublished(Number(seq));
    }
    expect(outbox.stats()).toMatchObject({ dropped: 0, depth: 0, lastSeq: '300' });
    expect(outbox.stats().storedBytes).toBeLessThanOrEqual(maxBytes);
  });

  it('keeps the newest verdicts of a line without a publisher', async () => {
    const { outbox } = await openOutbox({ maxBytes, safeWhen: 'stored' });
    for (let i = 0; i < 300; i++) await outbox.append(resultDraft());
    expect(outbox.stats()).toMatchObject({ dropped: 0, depth: 0, lastSeq: '300' });
    expect(outbox.readAfter(299, 1).map(({ seq }) => seq)).toEqual([300]);
  });

  it('refuses a record that could never fit with PLB_EDGE_OUTBOX_RECORD_TOO_LARGE and stores the others', async () => {
    const { outbox } = await openOutbox({ maxBytes });
    const [before, huge, after] = await Promise.allSettled([
      outbox.append(eventDraft()),
      outbox.append(eventDraft({ text: 'x'.repeat(maxBytes) })),
      outbox.append(eventDraft()),
    ]);
    expect(huge).toMatchObject({ status: 'rejected', reason: { code: 'PLB_EDGE_OUTBOX_RECORD_TOO_LARGE' } });
    expect([before, after]).toMatchObject([{ value: { seq: '1' } }, { value: { seq: '2' } }]);
  });

  it('counts its bytes the same after a restart', async () => {
    const { outbox, file } = await openOutbox({ maxBytes });
    for (let i = 0; i < 150; i++) await outbox.append(resultDraft());
    const { storedBytes, dropped } = outbox.stats();
    await outbox.stop();
    const again = await openOutbox({ file, maxBytes });
    expect(again.outbox.stats()).toMatchObject({ storedBytes, dropped });
  });
});

describe('toWireRanges', () => {
  it('sorts, joins and drops overlaps', () => {
    const ranges: [number, number][] = [
      [9, 10],
      [1, 2],
      [3, 3],
      [7, 7],
      [2, 3],
    ];
    expect(toWireRanges(ranges)).toEqual([
      ['1', '3'],
      ['7', '7'],
      ['9', '10'],
    ]);
    expect(toWireRanges([])).toEqual([]);
  });
});
