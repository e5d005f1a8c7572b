import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Outbox } from '@plumbline/edge/publish';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Mosquitto, mosquittoMissing, mosquittoProgram } from '../fixtures/mosquitto.js';
import { baseTopic, startReader, startStation, until } from '../fixtures/station.js';

if (!mosquittoProgram) console.warn(mosquittoMissing);
const script = join(import.meta.dirname, '..', 'fixtures', 'producing-station.mjs');

/** Whole lines that the process wrote; a line cut off by the kill was confirmed to nobody. */
function collectLines(child: ChildProcess): string[] {
  const lines: string[] = [];
  let rest = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop()!;
    lines.push(...parts);
  });
  return lines;
}

describe.skipIf(!mosquittoProgram)('SIGKILL of the station', () => {
  it('loses no record that was confirmed, repeats no seq and leaves no gap, over three kills', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'plumbline-sigkill-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'outbox.db');
    const broker = await Mosquitto.start();
    const reader = startReader(broker.url, { consumer: 'mes-1' });
    const confirmed: string[] = [];
    for (let kill = 0; kill < 3; kill++) {
      const child = spawn(process.execPath, [script, file, broker.url, baseTopic], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const lines = collectLines(child);
      onTestFinished(() => void child.kill('SIGKILL'));
      const before = reader.ids.length;
      await until('the station produces', () => lines.length > 200 && reader.ids.length > before + 100, 15_000);
      child.kill('SIGKILL');
      await once(child, 'close');
      confirmed.push(...lines);
    }
    // The same station again, without new records, delivers what is left. No lock stands in its way.
    const { outbox } = await startStation(broker.url, { outbox: { file } });
    await until('everything is acknowledged', () => outbox.stats().depth === 0, 15_000);
    const received = new Set(reader.ids);
    expect(confirmed.filter((line) => !received.has(line.split(' ')[0]!))).toEqual([]);
    const seqs = confirmed.map((line) => Number(line.split(' ')[1]));
    expect(new Set(seqs).size).toBe(seqs.length);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    expect(reader.subscriber.stats()).toMatchObject({ gaps: 0, conflicts: 0, events: Number(outbox.stats().lastSeq) });
  });

  it('frees the lock of the outbox at once', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'plumbline-sigkill-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'outbox.db');
    const child = spawn(process.execPath, [script, file, 'mqtt://127.0.0.1:1', baseTopic], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const lines = collectLines(child);
    await until('the station produces', () => lines.length > 0);
    const options = { file, sourceId: 'pcb-1', maxBytes: 1e9, safeWhen: 'acked', retentionMs: 0 } as const;
    const { signal } = new AbortController();
    await expect(new Outbox(options).start(signal)).rejects.toMatchObject({ code: 'PLB_EDGE_OUTBOX_LOCKED' });
    child.kill('SIGKILL');
    await once(child, 'close');
    const next = new Outbox(options);
    await next.start(signal);
    expect(Number(next.stats().lastSeq)).toBeGreaterThanOrEqual(lines.length);
    await next.stop();
  });
});
