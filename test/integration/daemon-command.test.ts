import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '@plumbline/cli';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLineFolder, type LineFolder } from './daemon-fixture.js';
import { tinyConfig, writeRandomCheckpoint } from './random-checkpoint.js';

/** The commands as a script drives them: real processes, a real (untrained) model, the demo's broker. */
const root = join(import.meta.dirname, '../..');
const plumbline = join(root, 'sdk/cli/dist/main.js');
const plumblined = join(root, 'apps/daemon/dist/main.js');
const models = await mkdtemp(join(tmpdir(), 'plumbline-models-'));
const modelDir = join(models, 'tiny');
const folders: LineFolder[] = [];
let folder: LineFolder;

beforeAll(async () => {
  const checkpoint = join(models, 'checkpoint');
  writeRandomCheckpoint(checkpoint, tinyConfig, ['open', 'short']);
  const write = process.stdout.write;
  process.stdout.write = () => true;
  const code = await runCli(['node', 'plumbline', 'export', '--checkpoint', checkpoint, '--out', modelDir]).finally(
    () => {
      process.stdout.write = write;
    },
  );
  expect(code).toBe(0);
});
beforeEach(async () => {
  folder = await createLineFolder('mqtt://127.0.0.1:1', 20);
  folders.push(folder);
  await folder.edit('model: ./model', `model: ${modelDir}`);
});
afterAll(async () => {
  for (const used of folders) await used.remove();
  await rm(models, { recursive: true });
});

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

function start(script: string, ...args: string[]): { child: ChildProcess; ended: Promise<Ended>; said: () => string } {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => (stdout += data));
  child.stderr.on('data', (data) => (stderr += data));
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
  return { child, ended, said: () => stdout + stderr };
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it did not happen within 20 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('plumbline run', () => {
  it('runs for the duration and prints one JSON document on stdout', async () => {
    const { code, stdout, stderr } = await start(
      plumbline,
      'run',
      '--line',
      folder.lineFile,
      '--duration',
      '2s',
      '--json',
    ).ended;
    const report = JSON.parse(stdout);
    expect(code).toBe(0);
    expect(report.frames).toBeGreaterThan(20);
    expect(report.inspected).toBe(report.verdicts);
    expect(report.frames).toBe(report.inspected + (report.dropped.overrun ?? 0));
    expect(report.latencyMs.p50).toBeLessThanOrEqual(report.latencyMs.p99);
    expect(report.published).toBe(0); // nobody listens on port 1
    expect(report.outboxDepth).toBeGreaterThanOrEqual(report.inspected);
    expect(stderr).toMatch(/console {2}http:\/\/127\.0\.0\.1:\d+/);
    expect(stderr).toContain('PLB_DAEMON_BROKER_AWAY');
  });

  it('proves in the demo that every verdict arrives once, and ends cleanly on SIGTERM', async () => {
    const run = start(plumbline, 'run', '--line', folder.lineFile, '--demo', '--json');
    await until(() => (Number(run.said().match(/running: (\d+) inspected(?![\s\S]*running)/)?.[1]) || 0) >= 20);
    run.child.kill('SIGTERM');
    const { code, stdout } = await run.ended;
    const report = JSON.parse(stdout);
    expect(code).toBe(0);
    expect(report.inspected).toBeGreaterThanOrEqual(20);
    expect(report).toMatchObject({
      received: report.inspected,
      published: report.inspected,
      lost: 0,
      duplicates: 0,
      seqGaps: 0,
      outboxDepth: 0,
    });
  });

  it('says what is wrong with its input and exits with 2', async () => {
    const fails = async (...args: string[]) => {
      const { code, stderr } = await start(plumbline, 'run', ...args).ended;
      return [code, stderr.match(/^(PLB_\w+): /m)?.[1]];
    };
    expect(await fails()).toEqual([2, 'PLB_CLI_USAGE']);
    expect(await fails('--line', join(folder.dir, 'none.yaml'))).toEqual([2, 'PLB_CONFIG_UNREADABLE']);
    expect(await fails('--line', folder.lineFile, '--duration', 'long')).toEqual([2, 'PLB_CLI_USAGE']);
    await folder.edit(modelDir, join(folder.dir, 'no-model'));
    expect(await fails('--line', folder.lineFile)).toEqual([2, 'PLB_DAEMON_MODEL_UNUSABLE']);
  });
});

describe('plumbline replay', () => {
  it('inspects every image once and prints the same document', async () => {
    const { code, stdout } = await start(
      plumbline,
      'replay',
      '--images',
      folder.images,
      '--line',
      folder.lineFile,
      '--json',
    ).ended;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ frames: 4, inspected: 4, verdicts: 4, dropped: {}, published: 0 });
  });

  it('names a folder that is missing and exits with 2', async () => {
    const { code, stderr } = await start(
      plumbline,
      'replay',
      '--images',
      join(folder.dir, 'none'),
      '--line',
      folder.lineFile,
    ).ended;
    expect(code).toBe(2);
    expect(stderr).toContain('PLB_EDGE_SOURCE_UNREADABLE');
    expect(stderr).toContain(join(folder.dir, 'none'));
  });
});

describe('plumblined', () => {
  it('logs JSON lines, drains on SIGTERM and exits with 0', async () => {
    const run = start(plumblined, '--line', folder.lineFile);
    await until(() => run.said().includes('"msg":"running"'));
    run.child.kill('SIGTERM');
    const { code, stdout } = await run.ended;
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(code).toBe(0);
    expect(lines.at(-1)).toMatchObject({ msg: 'stopped', frames: expect.any(Number) });
  });

  it('exits with 2 for wrong usage and for a wrong line.yaml', async () => {
    expect((await start(plumblined).ended).code).toBe(2);
    await folder.edit('loop: true', 'loop: maybe');
    const { code, stdout } = await start(plumblined, '--line', folder.lineFile).ended;
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ code: 'PLB_CONFIG_INVALID', msg: expect.stringContaining(':2:') });
  });
});
