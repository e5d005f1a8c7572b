import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trainConfigSchema } from '@plumbline/contract';
import { loadEngine } from '@plumbline/train/engines';
import { createDetectorModel } from '@plumbline/train/model';
import { findCheckpoint, readCheckpointHeader, Sgd, writeCheckpoint } from '@plumbline/train/train';
import { afterAll, expect, it } from 'vitest';
import { tinyTraining } from '../fixtures/tiny-training.js';
import { expectKillsToChangeNothing } from '../fixtures/training-run.js';

const folder = mkdtempSync(join(tmpdir(), 'plumbline-killed-run-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('training goes on after SIGKILL to the same weights', async () => {
  await expectKillsToChangeNothing({ folder, engine: 'wasm', steps: 14, rounds: 2, seed: 7 });
}, 120_000);

const disk = join(folder, 'disk');
mkdirSync(disk);
const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', disk]).status === 0;
afterAll(() => isMounted && spawnSync('umount', [disk]));
if (!isMounted) console.log('skipped: a small disk needs root (mount -t tmpfs)');

it.skipIf(!isMounted)(
  'a full disk leaves the checkpoint before and no half of the next: PLB_TRAIN_CHECKPOINT_UNWRITABLE',
  async () => {
    await loadEngine('wasm');
    const config = trainConfigSchema.parse(tinyTraining);
    const model = createDetectorModel(config, ['a', 'b']);
    const optimizer = new Sgd(model.parameters, config.schedule);
    const write = (step: number) =>
      writeCheckpoint(disk, model, 'run', { optimizer }, { step, randomState: [1, 2, 3, 4], seconds: 0 });
    await write(1);
    await expect(write(2)).rejects.toMatchObject({
      code: 'PLB_TRAIN_CHECKPOINT_UNWRITABLE',
      params: { reason: expect.stringContaining('ENOSPC'), kept: join(disk, 'checkpoint') },
    });
    expect(findCheckpoint(disk)).toBe(join(disk, 'checkpoint'));
    expect(readCheckpointHeader(disk).header.step).toBe(1);
  },
);
