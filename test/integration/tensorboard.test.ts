import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { startTraining, tinyTraining, writeTrainYaml } from '../fixtures/tiny-training.js';

/** A Python with the PyPI package tensorboard; name another one in PLUMBLINE_TENSORBOARD_PYTHON. */
const python = process.env.PLUMBLINE_TENSORBOARD_PYTHON ?? 'python3';
const hasTensorboard = spawnSync(python, ['-c', 'import tensorboard']).status === 0;
if (!hasTensorboard) {
  console.log(`skipped: ${python} has no package "tensorboard"; pip install tensorboard`);
}

const reader = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0})
events.Reload()
print(json.dumps({tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}))
`;

const folder = mkdtempSync(join(tmpdir(), 'plumbline-tensorboard-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const config = writeTrainYaml(join(folder, 'train.yaml'), {
  ...tinyTraining,
  schedule: { epochs: 100, batchSize: 2, warmupSteps: 2, checkpointEverySteps: 3 },
});

describe.skipIf(!hasTensorboard)('TensorBoard', () => {
  it('reads one curve of every loss from a run that was killed and went on', async () => {
    const out = join(folder, 'run');
    const metrics = join(out, 'metrics.jsonl');
    const steps = () => (existsSync(metrics) ? readFileSync(metrics, 'utf8').trim().split('\n').length : 0);
    const train = (...args: string[]) => startTraining(config, ['--engine', 'wasm', '--out', out, ...args]);
    const first = train();
    while (steps() < 5) await new Promise((resolve) => setTimeout(resolve, 10));
    first.kill('SIGKILL');
    await new Promise((resolve) => first.on('close', resolve));
    const until = steps() + 3;
    const second = train('--resume', '--max-steps', String(until));
    expect(await new Promise((resolve) => second.on('close', resolve))).toBe(0);

    const scalars = JSON.parse(execFileSync(python, ['-c', reader, out], { encoding: 'utf8' }));
    const lines = readFileSync(metrics, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(until);
    for (const name of ['rpn.objectness', 'rpn.box', 'cls', 'reg.1', 'reg.2', 'total']) {
      const curve = scalars[`loss/${name}`] as [number, number][];
      expect(curve.map(([step]) => step)).toEqual(lines.map((line) => line.step));
      curve.forEach(([, value], i) => expect(value).toBeCloseTo(lines[i].loss[name], 4));
    }
    for (const tag of ['learning_rate', 'gradient_norm', 'speed/images_per_second', 'mean_iou/reg.2'])
      expect(scalars[tag]).toHaveLength(until);
  }, 60_000);
});
