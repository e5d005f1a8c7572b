import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startAedes } from '../fixtures/aedes-broker.js';
import { freePort } from '../fixtures/mosquitto.js';
import { runPlumbline } from '../fixtures/run-plumbline.js';
import { baseTopic, resultDraft, startStation, until } from '../fixtures/station.js';

const main = join(import.meta.dirname, '../../sdk/cli/dist/main.js');

/** `plumbline mes tail` that listens already. */
async function startTail(...args: string[]) {
  const child = spawn(process.execPath, [main, 'mes', 'tail', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (text) => (output.stdout += text));
  child.stderr.on('data', (text) => (output.stderr += text));
  await until(
    'it listens',
    () => output.stderr.includes('listening'),
    15_000,
    () => output.stderr,
  );
  const ended = once(child, 'close').then(([exitCode]) => ({ exitCode, ...output }));
  return { child, ended };
}

describe('plumbline mes tail', () => {
  it('--json prints each result as a line and the summary as the last one, and acknowledges what it printed', async () => {
    const url = await startAedes();
    const { ended } = await startTail('--broker', url, '--ack', '--json', '--count', '30');
    const { outbox } = await startStation(url);
    await outbox.append({ kind: 'event', type: 'job_started', data: {}, timestampMs: 1 });
    const receipts = await Promise.all(Array.from({ length: 30 }, () => outbox.append(resultDraft())));
    const { exitCode, stdout } = await ended;
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(exitCode).toBe(0);
    expect(lines.slice(0, -1)).toEqual(receipts.map(({ body }) => body));
    expect(lines.at(-1)).toMatchObject({ received: 30, duplicates: 0, gaps: 0, missing: 0, events: 1 });
    await until('the station has deleted everything', () => outbox.stats().depth === 0);
  });

  it('prints a readable line a result and ends with its summary on SIGTERM', async () => {
    const url = await startAedes();
    const { child, ended } = await startTail('--broker', url, '--filter', 'acme/#', '--events');
    const { outbox } = await startStation(url, { ack: false });
    await outbox.append({ kind: 'event', type: 'job_started', data: { jobId: 'j' }, timestampMs: 0 });
    await outbox.append(resultDraft('NotOK'));
    await until('it is published', () => outbox.stats().published === 1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    child.kill('SIGTERM');
    const { exitCode, stdout } = await ended;
    expect(exitCode).toBe(0);
    const [event, result, summary] = stdout.trimEnd().split('\n');
    expect(event).toBe('1970-01-01T00:00:00.000Z pcb-1 #1 event job_started {"jobId":"j"}');
    expect(result).toMatch(/^\S+Z pcb-1 #2 NotOK$/);
    expect(summary).toMatch(/^received 1, duplicates 0, gaps 0 /);
  });

  it('fails with PLB_MES_BROKER_UNREACHABLE when it never got a connection', async () => {
    const url = `mqtt://127.0.0.1:${await freePort()}`;
    const { exitCode, stderr } = await runPlumbline('mes', 'tail', '--broker', url, '--duration', '1s');
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/PLB_MES_BROKER_UNREACHABLE: .*ECONNREFUSED/);
  });

  it('refuses a wrong filter, count or duration with exit code 2', async () => {
    const wrong = [
      ['--filter', 'acme/berlin'],
      ['--count', '0'],
      ['--duration', 'soon'],
    ];
    for (const args of wrong) {
      const { exitCode, stderr } = await runPlumbline('mes', 'tail', '--broker', 'mqtt://127.0.0.1:1', ...args);
      expect([exitCode, stderr.startsWith('PLB_')], stderr).toEqual([2, true]);
    }
  });
});

describe('plumbline outbox', () => {
  it('inspects and exports beside a running station, and changes nothing', async () => {
    const { outbox, file } = await startStation(`mqtt://127.0.0.1:${await freePort()}`);
    const receipts = await Promise.all(Array.from({ length: 25 }, () => outbox.append(resultDraft())));
    const inspected = await runPlumbline('outbox', 'inspect', file, '--json');
    expect(inspected.exitCode).toBe(0);
    expect(JSON.parse(inspected.stdout)).toMatchObject({
      sourceId: 'pcb-1',
      epoch: receipts[0]!.epoch,
      safeWhen: 'acked',
      depth: 25,
      records: 25,
      lastSeq: 25,
      publishedSeq: 0,
      ackedSeq: 0,
      dropped: 0,
      gaps: [],
    });
    const bodies = receipts.map(({ body }) => `${JSON.stringify(body)}\n`).join('');
    expect((await runPlumbline('outbox', 'export', file)).stdout).toBe(bodies);
    const out = `${file}.jsonl`;
    const exported = await runPlumbline('outbox', 'export', file, '--out', out, '--json');
    expect(JSON.parse(exported.stdout)).toEqual({ file, out, records: 25 });
    expect(readFileSync(out, 'utf8')).toBe(bodies);
    expect(outbox.stats().depth).toBe(25);
  });

  it('says what is wrong with a file that is no outbox', async () => {
    const { exitCode, stderr } = await runPlumbline('outbox', 'inspect', `${baseTopic}.db`);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^PLB_EDGE_OUTBOX_INVALID: .*no such file/);
  });
});
