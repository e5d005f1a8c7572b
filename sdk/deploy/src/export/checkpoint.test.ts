import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trainConfigSchema } from '@plumbline/contract';
import { writeSafetensors } from '@plumbline/core/safetensors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Weights } from './checkpoint.js';
import { readCheckpoint } from './read-checkpoint.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'plumbline-checkpoint-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const config = trainConfigSchema.parse({ imageSizeHw: [64, 64] });
const header = { schema: 'plumbline.checkpoint/1', config, classes: ['a'], step: 3, runId: 'r' };

describe('readCheckpoint', () => {
  it('reads configuration and weights, and keeps quiet about other keys of the header', async () => {
    writeFileSync(join(dir, 'config.json'), JSON.stringify({ ...header, note: 'kept by the trainer' }));
    const weights = new Map([['w', { shape: [2], data: Float32Array.of(1, 2) }]]);
    writeFileSync(join(dir, 'weights.safetensors'), writeSafetensors(weights));
    const checkpoint = await readCheckpoint(dir);
    expect(checkpoint).toMatchObject({ classes: ['a'], step: 3, runId: 'r' });
    expect(checkpoint.weights.get('w', [2])).toEqual(Float32Array.of(1, 2));
  });

  it('names a missing file and a wrong header with a code', async () => {
    await expect(readCheckpoint(dir)).rejects.toMatchObject({ code: 'PLB_CONFIG_UNREADABLE' });
    writeFileSync(join(dir, 'config.json'), JSON.stringify({ ...header, classes: [] }));
    await expect(readCheckpoint(dir)).rejects.toMatchObject({ code: 'PLB_CONFIG_INVALID' });
    writeFileSync(join(dir, 'config.json'), JSON.stringify(header));
    await expect(readCheckpoint(dir)).rejects.toMatchObject({ code: 'PLB_DEPLOY_CHECKPOINT_UNREADABLE' });
  });
});

describe('Weights', () => {
  const weights = new Weights(
    'w.safetensors',
    new Map([['a', { dtype: 'F32' as const, shape: [2, 3], data: new Float32Array(6) }]]),
  );

  it('refuses a missing tensor and one of another shape, naming both shapes', () => {
    const code = 'PLB_DEPLOY_CHECKPOINT_TENSOR';
    const params = { file: 'w.safetensors', name: 'a', actual: 'Float32Array [2,3]', expected: '[3,2]' };
    expect(() => weights.get('a', [3, 2])).toThrow(expect.objectContaining({ code, params }));
    expect(() => weights.get('b', [1])).toThrow(
      expect.objectContaining({ code, params: expect.objectContaining({ actual: 'absent' }) }),
    );
  });
});
