import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findTensorflow, loadEngine, tensorflowDir } from '@plumbline/train/engines';
import { afterAll, describe, expect, it } from 'vitest';
import { describeEngine } from './engines.contract.js';

const emptyCache = mkdtempSync(join(tmpdir(), 'plumbline-cache-'));
afterAll(() => rmSync(emptyCache, { recursive: true, force: true }));

describe('engine wasm', () => {
  describeEngine(() => loadEngine('wasm'));
});

describe('loadEngine', () => {
  it('takes wasm by itself where tensorflow is not set up and names the faster choice', async () => {
    const engine = await loadEngine('auto', { cacheDir: emptyCache });
    expect(engine.name).toBe('wasm');
    expect(engine.reason).toContain('plumbline doctor --setup tensorflow');
  });

  it('refuses tensorflow where it is not set up', async () => {
    await expect(loadEngine('tensorflow', { cacheDir: emptyCache })).rejects.toMatchObject({
      code: 'PLB_TRAIN_ENGINE_NOT_SET_UP',
      params: { dir: join(emptyCache, 'tensorflow') },
    });
  });

  it('says that a damaged installation does not start', async () => {
    const cacheDir = join(emptyCache, 'damaged');
    const binding = join(tensorflowDir(cacheDir), 'node_modules/@tensorflow/tfjs-node/lib/napi-v8/tfjs_binding.node');
    mkdirSync(dirname(binding), { recursive: true });
    writeFileSync(binding, 'not a library');
    expect(findTensorflow(cacheDir)).toBeDefined();
    await expect(loadEngine('tensorflow', { cacheDir })).rejects.toMatchObject({ code: 'PLB_TRAIN_ENGINE_BROKEN' });
  });
});
