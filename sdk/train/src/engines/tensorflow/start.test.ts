import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bindingFileIn, tensorflowDir, tfjsNodeDir } from './locate.js';
import { startTensorflow } from './start.js';

/**
 * A CUDA build with stand-ins for tfjs-node, nvidia-smi and libcuda.so.1: it answers as tfjs-node does on a machine with
 * a card. Not run on hardware.
 */
describe('startTensorflow on a CUDA build', () => {
  let cacheDir: string;
  const touched = ['CUDA_VISIBLE_DEVICES', 'CUDA_DEVICE_ORDER', 'TF_DETERMINISTIC_OPS', 'TF_FORCE_GPU_ALLOW_GROWTH'];

  beforeEach(() => {
    cacheDir = mkdtempSync(join(tmpdir(), 'plumbline-start-'));
    for (const name of touched) vi.stubEnv(name, undefined);
    const programs = join(cacheDir, 'programs');
    mkdirSync(programs);
    const rows = ['550.54.14, 8192, GPU-aa11, Small card', '550.54.14, 24564, GPU-bb22, Large card'];
    writeFileSync(join(programs, 'nvidia-smi'), `#!/bin/sh\ncat <<'END'\n${rows.join('\n')}\nEND\n`, { mode: 0o755 });
    writeFileSync(join(programs, 'libcuda.so.1'), '');
    vi.stubEnv('PATH', `${programs}:${process.env.PATH}`);
    vi.stubEnv('LD_LIBRARY_PATH', programs);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    tf.removeBackend('tensorflow');
    rmSync(cacheDir, { recursive: true, force: true });
  });

  /** What the binding would answer. */
  function setUp(isUsingGpuDevice: boolean): void {
    const dir = tensorflowDir(cacheDir);
    const core = join(dir, 'node_modules', '@tensorflow', 'tfjs-core');
    const file = (path: string, text: string) => {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    };
    const real = createRequire(import.meta.url).resolve('@tensorflow/tfjs-core');
    file(join(core, 'index.js'), `module.exports = require(${JSON.stringify(real)});`);
    file(bindingFileIn(dir), '');
    file(
      join(tfjsNodeDir(dir), 'index.js'),
      `const tf = require('@tensorflow/tfjs-core');
       const binding = { TF_Version: '9.9.9', isUsingGpuDevice: () => ${isUsingGpuDevice} };
       tf.registerBackend('tensorflow', () => Object.assign(new tf.KernelBackend(), { binding, dispose() {} }));`,
    );
    mkdirSync(join(dir, 'tf', 'nvidia'), { recursive: true });
  }

  it('names the card, opens that one alone and leaves out what TensorFlow refuses there', async () => {
    setUp(true);
    expect(await startTensorflow(cacheDir)).toEqual({ version: '9.9.9', device: 'Large card' });
    expect(Object.fromEntries(touched.map((name) => [name, process.env[name]]))).toEqual({
      CUDA_VISIBLE_DEVICES: 'GPU-bb22',
      CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
      TF_DETERMINISTIC_OPS: '0',
      TF_FORCE_GPU_ALLOW_GROWTH: 'true',
    });
  });

  it('says why the processor computes', async () => {
    setUp(false);
    vi.stubEnv('CUDA_VISIBLE_DEVICES', '-1');
    expect(await startTensorflow(cacheDir)).toEqual({
      version: '9.9.9',
      device: 'cpu',
      remark: 'its CUDA build computes on the processor: TensorFlow opens no NVIDIA device',
    });
    expect(process.env.TF_DETERMINISTIC_OPS).toBe('1');
    expect(process.env.CUDA_VISIBLE_DEVICES).toBe('-1');
  });
});
