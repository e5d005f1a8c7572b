import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runPlumbline } from '../fixtures/run-plumbline.js';

let dir: string;
let config: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-bench-train-'));
  config = join(dir, 'train.yaml');
  await writeFile(
    config,
    `classes: [a, b]
imageSizeHw: [64, 64]
model:
  regressors: 2
  backbone: { blocks: [1, 1, 1, 1], width: 4 }
  fpn: { channels: 8 }
  head: { fcChannels: 16 }
proposals: { trainPreNms: 60, trainPostNms: 30 }
sampling: { rpnPerImage: 32, roisPerImage: 16 }
`,
  );
});
afterAll(() => rm(dir, { recursive: true }));

const bench = (...args: string[]) =>
  runPlumbline('bench', 'train', '--config', config, '--engine', 'wasm', '--batch', '2', '--warm-up', '1', ...args);

/** A peer that checks its job and answers with two steps of half a second. */
const peer = `node -e "let s='';process.stdin.on('data',d=>s+=d).on('end',()=>{const j=JSON.parse(s);
if(j.gt.length!==2||j.gt[0].boxes.length!==64||j.config.schedule.batchSize!==2||j.device!=='cpu')process.exit(3);
console.log(JSON.stringify({version:'fake 1',device:'cpu',stepSeconds:[0.5,0.5],loss:{}}))})"`.replaceAll('\n', '');

describe('plumbline bench train', () => {
  it('times whole steps, holds its tensors constant and sets a peer beside them', async () => {
    const { exitCode, stdout } = await bench(
      '--steps',
      '3',
      '--json',
      '--peer',
      peer,
      '--peer',
      'no-such-program-here',
    );
    expect(exitCode).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.engine.name).toBe('wasm');
    expect(report.stepSeconds).toHaveLength(3);
    const { forward, backward, update } = report.phases;
    const mean = report.stepSeconds.reduce((sum: number, value: number) => sum + value, 0) / 3;
    expect(forward + backward + update).toBeLessThanOrEqual(mean * 1.01);
    expect(forward + backward + update).toBeGreaterThan(mean * 0.9);
    expect(report.tensors[0]).toBe(report.tensors[1]);
    expect(Object.keys(report.loss)).toEqual(['rpn.objectness', 'rpn.box', 'cls', 'reg.1', 'reg.2', 'total']);
    expect(report.peers[0]).toMatchObject({ version: 'fake 1', device: 'cpu', imagesPerSecond: 4 });
    expect(report.peers[0].ratio).toBeCloseTo(report.imagesPerSecond / 4, 9);
    expect(report.peers[1].missing).toContain('no-such-program-here');
  }, 60_000);

  it('prints the same as text', async () => {
    const { exitCode, stdout } = await bench('--steps', '1', '--peer', peer);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/wasm 4\.22\.0 on cpu, 64 x 64, batch 2/);
    expect(stdout).toMatch(/forward \d.* backward \d.* update \d/);
    expect(stdout).toMatch(/fake 1 on cpu: 4\.00 images\/s, ratio \d/);
  }, 60_000);

  it('refuses a side that the network cannot halve five times', async () => {
    const { exitCode, stderr } = await bench('--side', '100');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('a multiple of 32');
  });
});
