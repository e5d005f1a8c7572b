import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modelManifestSchema } from '@plumbline/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runPlumbline } from '../fixtures/run-plumbline.js';
import { tinyConfig, writeRandomCheckpoint } from './random-checkpoint.js';

const boards = `deeppcb:${join(import.meta.dirname, '../../firmware-configs/lines/demo/boards')}`;
const classes = ['open', 'short', 'mousebite', 'spur', 'copper', 'pin-hole'];
let dir: string;
let checkpoint: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-export-'));
  checkpoint = join(dir, 'run', 'checkpoint');
  writeRandomCheckpoint(checkpoint, tinyConfig, classes);
});
afterAll(() => rm(dir, { recursive: true }));

const run = (...args: string[]) => runPlumbline('export', '--checkpoint', checkpoint, ...args);

describe('plumbline export', () => {
  it.each(['float32', 'float16'])(
    'writes model and manifest with %s weights, equal to the training engine on real boards',
    async (weights) => {
      const out = join(dir, weights, 'model.onnx');
      const options = [
        '--weights',
        weights,
        '--id',
        'tiny',
        '--model-version',
        '0.3.0',
        '--data',
        boards,
        '--limit',
        '3',
      ];
      const { exitCode, stdout } = await run('--out', out, ...options, '--json');
      const report = JSON.parse(stdout);
      expect(exitCode).toBe(0);
      expect(report).toMatchObject({ target: 'portable', opset: 17, parity: { images: 3, unmatched: 0 } });
      expect(report.inputs).toEqual([{ name: 'frame', type: 'uint8', shape: ['batch', 'height', 'width', 3] }]);
      expect(report.outputs.map((output: { name: string }) => output.name)).toEqual([
        'boxes',
        'scores',
        'classes',
        'images',
      ]);
      expect(report.bytes).toBe((await readFile(out)).length);
      expect(report.parity.detections).toBeGreaterThan(10);
      expect(report.parity.maxBoxErrorPx).toBeLessThan(0.05);
      expect(report.parity.maxScoreError).toBeLessThan(1e-4);
      const manifest = modelManifestSchema.parse(
        JSON.parse(await readFile(join(dir, weights, 'manifest.json'), 'utf8')),
      );
      expect(manifest).toMatchObject({
        id: 'tiny',
        version: '0.3.0',
        classes,
        scoreThreshold: 0.05,
        trainingRunId: 'random',
      });
      expect(manifest.files['model.onnx']).toEqual({
        sha256: report.sha256,
        bytes: report.bytes,
        target: 'portable',
      });
    },
  );

  it('takes one size in place of a rule by which the size depends on the image, and asks for it', async () => {
    const ruled = join(dir, 'ruled');
    const test = { ...tinyConfig.test, resize: { shortSide: 96, longSide: 160 }, softNms: { minScore: 0.05 } };
    writeRandomCheckpoint(ruled, { ...tinyConfig, test }, classes);
    const args = ['export', '--checkpoint', ruled, '--out', join(dir, 'sized')];
    const without = await runPlumbline(...args);
    expect(without.stderr).toMatch(
      /PLB_CLI_USAGE: .*ruled is evaluated at sizes that depend on the image.*--size WxH.*128x96/,
    );
    expect(without.exitCode).toBe(2);
    const { exitCode, stdout } = await runPlumbline(
      ...args,
      '--size',
      '128x96',
      '--data',
      boards,
      '--limit',
      '2',
      '--json',
    );
    expect(exitCode).toBe(0);
    const { parity, outputs } = JSON.parse(stdout);
    // Soft-NMS is the runtime's.
    expect(outputs.map(({ name, shape }: { name: string; shape: unknown }) => [name, shape])).toEqual([
      ['boxes', ['regions', 4]],
      ['scores', ['regions', 6]],
      ['images', ['regions']],
    ]);
    expect(parity.detections).toBeGreaterThan(10);
    expect(parity).toMatchObject({ images: 2, unmatched: 0 });
    expect(parity.maxBoxErrorPx).toBeLessThan(0.05);
    expect(parity.beforeNms.maxScoreError).toBeLessThan(1e-4);
    // A score falls by each overlap with a better box: their last bits add up.
    expect(parity.maxScoreError).toBeLessThan(1e-3);
  });

  it('takes the folder of a run, another network size and fewer proposals', async () => {
    const out = join(dir, 'resized');
    const options = ['--size', '160x96', '--proposals', '20', '--opset', '18', '--json'];
    const { exitCode, stdout } = await runPlumbline(
      'export',
      '--checkpoint',
      join(dir, 'run'),
      '--out',
      out,
      ...options,
    );
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ opset: 18, parity: null });
    const manifest = JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8'));
    expect(manifest.input.networkSizeHw).toEqual([96, 160]);
  });

  it('refuses a wrong size, a missing checkpoint and an unknown target with exit code 2, and writes nothing', async () => {
    const out = join(dir, 'nothing');
    const wrong = await Promise.all([
      run('--out', out, '--size', '100x100'),
      runPlumbline('export', '--checkpoint', join(dir, 'no-such-run'), '--out', out),
      run('--out', out, '--target', 'toaster'),
    ]);
    expect(wrong.map((result) => result.exitCode)).toEqual([2, 2, 2]);
    expect(wrong[0]!.stderr).toContain('multiples of 32');
    expect(wrong[1]!.stderr).toContain(join('no-such-run', 'config.json'));
    expect(existsSync(out)).toBe(false);
  });
});

describe('plumbline bench infer', () => {
  it('reports rate, latency and the share outside ONNX Runtime with the facts of the machine', async () => {
    const out = join(dir, 'bench');
    await run('--out', out);
    const { exitCode, stdout } = await runPlumbline(
      'bench',
      'infer',
      '--model',
      out,
      '--seconds',
      '0.5',
      '--threads',
      '1',
      '--json',
    );
    const report = JSON.parse(stdout);
    expect(exitCode).toBe(0);
    expect(report).toMatchObject({ threads: 1, executionProvider: 'cpu', frameSizeHw: tinyConfig.imageSizeHw });
    expect(report.frames / report.seconds).toBeCloseTo(report.framesPerSecond, 6);
    expect(report.ms.p95).toBeGreaterThanOrEqual(report.ms.p50);
    expect(report.ms.p50).toBeGreaterThan(0);
    expect(report.shareOutsideOnnxRuntime).toBeGreaterThan(0);
    expect(report.shareOutsideOnnxRuntime).toBeLessThan(1);
    expect(report.hardware).toMatchObject({ node: process.versions.node, onnxruntime: expect.stringMatching(/^1\./) });
  });

  it('refuses a folder without a model with exit code 2', async () => {
    const { exitCode, stderr } = await runPlumbline('bench', 'infer', '--model', dir, '--seconds', '1');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('PLB_RUNTIME_MANIFEST_MISSING');
  });
});
