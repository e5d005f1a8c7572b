import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Detection } from '@plumbline/core/geometry';
import { openDataset, readImageRgb } from '@plumbline/data/dataset';
import { compareDetections } from '@plumbline/deploy/export';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runPlumbline } from '../fixtures/run-plumbline.js';
import { demoBoards } from '../fixtures/tiny-training.js';

const nano = join(import.meta.dirname, '../../models/pcb-defects-nano');
const script = join(import.meta.dirname, 'detect.mjs');
const dir = mkdtempSync(join(tmpdir(), 'plumbline-arm64-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Found {
  readonly arch: string;
  readonly executionProvider: string;
  readonly detections: Detection[];
}

let emulated: string[];
let frame: string[];

beforeAll(async () => {
  const printed = execFileSync('bash', [join(import.meta.dirname, 'setup.sh')], { encoding: 'utf8' });
  emulated = printed.trim().split('\n').at(-1)!.split(' ');
  const [sample] = (await openDataset(demoBoards)).samples;
  const { width, height, data } = await readImageRgb(sample!.file);
  writeFileSync(join(dir, 'board.rgb'), data);
  frame = [join(dir, 'board.rgb'), String(width), String(height)];
}, 300_000);

async function detect(command: readonly string[], model: string): Promise<Found> {
  const [file, ...args] = [...command, script, model, ...frame];
  const { stdout } = await promisify(execFile)(file!, args, { maxBuffer: 1 << 26 });
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Found;
}

describe('a board on an emulated aarch64 processor', () => {
  it('gives the boxes of this processor with the float model', async () => {
    const here = await detect([process.execPath], nano);
    const there = await detect(emulated, nano);
    expect([there.arch, there.executionProvider]).toEqual(['arm64', 'cpu']);
    const parity = compareDetections([here.detections], [there.detections], 0.01);
    process.stderr.write(`float on arm64: ${JSON.stringify(parity)}\n`);
    expect(parity.detections).toBeGreaterThan(3);
    expect(parity.unmatched).toBe(0);
    expect(parity.maxBoxErrorPx).toBeLessThan(0.05);
    expect(parity.maxScoreError).toBeLessThan(1e-4);
  }, 600_000);

  it('gives the boxes of this processor with the cpu-arm64 model, up to steps of its integers', async () => {
    const out = join(dir, 'integers');
    const quantized = await runPlumbline(
      'quantize',
      ...['--model', nano, '--calibrate', demoBoards, '--gate-data', demoBoards, '--out', out],
      ...['--target', 'cpu-arm64', '--images', '8', '--max-drop', '2', '--json'],
    );
    expect(quantized.exitCode, quantized.stderr).toBe(0);
    const here = await detect([process.execPath], out);
    const there = await detect(emulated, out);
    expect(there.arch).toBe('arm64');
    // Sums of products are exact on both; only what is computed in floats between them may round to another step.
    const strong = ({ detections }: Found) => detections.filter(({ score }) => score >= 0.5);
    const parity = compareDetections([strong(here)], [there.detections], 0.45);
    process.stderr.write(`cpu-arm64 on arm64: ${JSON.stringify({ ...parity, strong: strong(here).length })}\n`);
    expect(strong(here).length).toBeGreaterThan(3);
    expect(parity.detections).toBe(strong(here).length);
    expect(parity.maxBoxErrorPx).toBeLessThan(1);
    expect(parity.maxScoreError).toBeLessThan(0.05);
  }, 600_000);
});
