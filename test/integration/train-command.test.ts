import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { demoBoards as boards, startTraining, tinyTraining, writeTrainYaml } from '../fixtures/tiny-training.js';

const folder = mkdtempSync(join(tmpdir(), 'plumbline-train-command-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const training = {
  ...tinyTraining,
  schedule: { epochs: 40, batchSize: 2, warmupSteps: 2, checkpointEverySteps: 1000 },
};
const config = writeTrainYaml(join(folder, 'train.yaml'), training);

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

interface Started {
  child: ChildProcess;
  ended: Promise<Ended>;
}

const start = (...args: string[]): Started => startWith(process.env, args);

function startWith(env: NodeJS.ProcessEnv, args: string[]): Started {
  const child = startTraining(config, args, env);
  let stdout = '';
  let stderr = '';
  child.stdout!.on('data', (text) => (stdout += text));
  child.stderr!.on('data', (text) => (stderr += text));
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
  return { child, ended };
}

const steps = (out: string) => {
  const file = join(out, 'metrics.jsonl');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').length : 0;
};

describe('plumbline train', () => {
  it('saves on Ctrl-C, goes on with --resume and evaluates at the end of what was asked for', async () => {
    const out = join(folder, 'run');
    const first = start('--out', out, '--engine', 'wasm', '--json');
    while (steps(out) < 2) await new Promise((resolve) => setTimeout(resolve, 50));
    first.child.kill('SIGINT');
    const stopped = await first.ended;
    expect(stopped.code).toBe(0);
    const done = JSON.parse(stopped.stdout);
    expect(done).toMatchObject({ stopped: true, engine: 'wasm', metrics: null });
    expect(stopped.stderr).toContain('engine wasm');
    expect(stopped.stderr).toMatch(/train \d+\/480 steps \(\d+ %\) [\d.]+\/s ETA [\d:]+ epoch/);

    const until = String(done.steps + 2);
    const second = await start(
      '--out',
      out,
      '--engine',
      'wasm',
      '--resume',
      '--max-steps',
      until,
      '--val',
      boards,
      '--json',
    ).ended;
    expect(second.code).toBe(0);
    const report = JSON.parse(second.stdout);
    expect(report).toMatchObject({ steps: done.steps + 2, stopped: false, checkpoint: join(out, 'checkpoint') });
    expect(Object.keys(report.metrics)).toContain('AP50');
    expect(Object.keys(report.loss)).toContain('reg.2');
    expect(steps(out)).toBe(done.steps + 2);
    expect(JSON.parse(readFileSync(join(out, 'train.json'), 'utf8')).config.schedule.momentum).toBe(0.9);
  }, 120_000);

  it('validates every so many epochs, keeps the best weights and ends early', async () => {
    const validation = { everyEpochs: 1, patience: 1 };
    const file = writeTrainYaml(join(folder, 'validated.yaml'), { ...training, validation });
    const out = join(folder, 'validated');
    const { code, stdout, stderr } = await start(
      ...['--config', file, '--out', out, '--engine', 'wasm', '--val', boards, '--json'],
    ).ended;
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    const lines = readFileSync(join(out, 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const validations = lines.filter((line) => line.kind === 'validation');
    expect(validations.map(({ epoch }) => epoch)).toEqual(validations.map((_, i) => i + 1));
    expect(validations[0]).toMatchObject({ step: 12, isBest: true });
    expect(validations.at(-1).isBest).toBe(false);
    const best = validations.filter(({ isBest }) => isBest).at(-1);
    expect(report).toMatchObject({
      endedEarly: true,
      stopped: false,
      steps: validations.at(-1).step,
      best: { step: best.step, checkpoint: join(out, 'checkpoint-best') },
    });
    expect(report.best.AP).toBeCloseTo(best.AP, 5);
    expect(stderr).toMatch(/step 12, epoch 1\.00: AP \d+\.\d, the best so far/);
    const header = JSON.parse(readFileSync(join(out, 'checkpoint-best', 'config.json'), 'utf8'));
    expect(header.step).toBe(best.step);
    expect(existsSync(join(out, 'checkpoint-best', 'weights.safetensors'))).toBe(true);

    const again = await start('--config', file, '--out', out, '--engine', 'wasm', '--val', boards, '--json', '--resume')
      .ended;
    expect(JSON.parse(again.stdout)).toMatchObject({ steps: report.steps, endedEarly: true, best: report.best });

    const without = await start('--config', file, '--out', join(folder, 'no-data'), '--engine', 'wasm').ended;
    expect(without.code).toBe(2);
    expect(without.stderr).toContain('PLB_TRAIN_VALIDATION_DATA_MISSING');
  }, 180_000);

  it('finds the batch that memory holds, trains with it and keeps it when the run goes on', async () => {
    const out = join(folder, 'sized');
    const args = ['--out', out, '--engine', 'wasm', '--find-batch', '3', '--json'];
    const first = await start(...args, '--max-steps', '1').ended;
    expect(first.code).toBe(0);
    const { batch } = JSON.parse(first.stdout);
    expect(batch).toMatchObject({ batchSize: 3, refused: [], learningRate: (0.01 * 3) / 2 });
    expect(batch.trials.map(({ batchSize }: { batchSize: number }) => batchSize)).toEqual([1, 2, 3]);
    for (const { imagesPerSecond, peakMb } of batch.trials) {
      expect(imagesPerSecond).toBeGreaterThan(0);
      expect(peakMb).toBeGreaterThan(50);
    }
    expect(first.stderr).toMatch(/batch 3 of \d+ MB that may be used; learning rate 0.01 x 3\/2 = 0.015/);
    const { config: used } = JSON.parse(readFileSync(join(out, 'train.json'), 'utf8'));
    expect(used.schedule).toMatchObject({ batchSize: 3, learningRate: 0.015 });
    const second = await start(...args, '--max-steps', '2', '--resume').ended;
    expect(second.stderr).toContain('batch 3, as the run began');
    expect(JSON.parse(second.stdout)).toMatchObject({ steps: 2 });
  }, 120_000);

  it('refuses a wrong configuration with file, line and column', async () => {
    const file = join(folder, 'wrong.yaml');
    writeFileSync(file, 'imageSizeHw: [64, 60]\n');
    const { code, stderr } = await start('--config', file, '--out', join(folder, 'no')).ended;
    expect(code).toBe(2);
    expect(stderr).toContain(`PLB_CONFIG_INVALID: ${file}:1:19: imageSizeHw.1:`);
  }, 30_000);

  it('names the set-up command when the engine is missing', async () => {
    const env = { ...process.env, PLUMBLINE_CACHE: join(folder, 'empty') };
    const args = ['--out', join(folder, 'none'), '--engine', 'tensorflow'];
    const { code, stderr } = await startWith(env, args).ended;
    expect(code).toBe(2);
    expect(stderr).toContain('PLB_TRAIN_ENGINE_NOT_SET_UP');
    expect(stderr).toContain('plumbline doctor --setup tensorflow');
  }, 30_000);
});
