import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resultsDroppedDataSchema } from '@plumbline/contract';
import fc from 'fast-check';
import Database from 'libsql';
import { expect, it } from 'vitest';
import { Outbox } from './outbox.js';
import { resultDraft } from './outbox.test.fixture.js';

type Step =
  | { readonly do: 'append'; readonly ok: number; readonly notOk: number }
  | { readonly do: 'publish' | 'ack'; readonly fraction: number }
  | { readonly do: 'restart' | 'fill disk' | 'free disk' };

const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('append' as const), ok: fc.nat(30), notOk: fc.nat(15) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('publish' as const, 'ack' as const), fraction }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('restart' as const, 'fill disk' as const, 'free disk' as const) }),
  },
);

/** Plays steps on an outbox and beside it keeps what a careful observer knows. */
class Player {
  private db: Database.Database | undefined;
  private outbox: Outbox;
  /** Seqs named in any report so far. */
  private readonly reported = new Set<number>();
  private readonly receipts: number[] = [];
  private refused = 0;

  constructor(private readonly file: string) {
    this.outbox = this.make();
  }

  private make(): Outbox {
    return new Outbox({
      file: this.file,
      sourceId: 'pcb-1',
      maxBytes: 40_000,
      safeWhen: 'acked',
      retentionMs: 0,
      openDatabase: (path) => (this.db = new Database(path)),
    });
  }

  start = () => this.outbox.start(new AbortController().signal);
  stop = () => this.outbox.stop();

  async play(next: Step): Promise<void> {
    const { lastSeq, publishedSeq, ackedSeq } = this.outbox.cursors();
    switch (next.do) {
      case 'append': {
        const drafts = [
          ...Array.from({ length: next.ok }, () => resultDraft('OK')),
          ...Array.from({ length: next.notOk }, () => resultDraft('NotOK')),
        ];
        for (const outcome of await Promise.allSettled(drafts.map((draft) => this.outbox.append(draft)))) {
          if (outcome.status === 'fulfilled') this.receipts.push(Number(outcome.value.seq));
          else this.refused += 1;
        }
        break;
      }
      case 'publish':
        this.outbox.markPublished(publishedSeq + Math.floor((lastSeq - publishedSeq) * next.fraction));
        break;
      case 'ack':
        this.outbox.markAcked(ackedSeq + Math.floor((lastSeq - ackedSeq) * next.fraction));
        break;
      case 'restart':
        await this.outbox.stop();
        this.outbox = this.make();
        this.refused = 0;
        await this.start();
        break;
      case 'fill disk':
        this.db!.pragma('max_page_count = 1');
        break;
      case 'free disk':
        this.db!.pragma('max_page_count = 1000000');
        break;
    }
    this.check();
  }

  private check(): void {
    const stored = this.outbox.readAfter(0, 100_000);
    for (const { body } of stored) {
      const { type, data } = JSON.parse(body);
      if (type !== 'results_dropped') continue;
      for (const [from, to] of resultsDroppedDataSchema.parse(data).ranges) {
        for (let seq = Number(from); seq <= Number(to); seq++) this.reported.add(seq);
      }
    }
    const { lastSeq, ackedSeq } = this.outbox.cursors();
    const present = new Set(stored.map(({ seq }) => seq));
    const unaccounted: number[] = [];
    for (let seq = ackedSeq + 1; seq <= lastSeq; seq++) {
      if (!present.has(seq) && !this.reported.has(seq)) unaccounted.push(seq);
    }
    expect(unaccounted).toEqual([]);
    expect(stored.filter(({ seq }) => this.reported.has(seq))).toEqual([]);
    expect(new Set(this.receipts).size).toBe(this.receipts.length);
    expect(Math.max(0, ...this.receipts)).toBeLessThanOrEqual(lastSeq);
    const bytes = this.db!.prepare('SELECT coalesce(sum(bytes), 0) AS n FROM records').get() as { n: number };
    expect(this.outbox.stats()).toMatchObject({
      depth: stored.filter(({ seq }) => seq > ackedSeq).length,
      storedBytes: bytes.n,
      refused: this.refused,
    });
  }
}

it('every seq is stored, acknowledged or named in a report, through full stores, full disks and restarts', {
  timeout: 60_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const folder = mkdtempSync(join(tmpdir(), 'plumbline-outbox-'));
      const player = new Player(join(folder, 'outbox.db'));
      await player.start();
      try {
        for (const next of steps) await player.play(next);
      } finally {
        await player.stop();
        rmSync(folder, { recursive: true, force: true });
      }
    }),
    { numRuns: 25 },
  );
});
