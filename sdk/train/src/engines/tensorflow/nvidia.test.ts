import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deviceEnvironment, findNvidia, usedDeviceName } from './nvidia.js';

/** No test here needs a card: nvidia-smi and the kernel module's files are stand-ins. */
describe('findNvidia', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'plumbline-nvidia-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const nvidiaSmi = (script: string) => {
    const file = join(dir, 'nvidia-smi');
    writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return file;
  };
  const find = (script: string, hasLibcuda = true) =>
    findNvidia({ nvidiaSmi: nvidiaSmi(script), procDir: join(dir, 'proc'), hasLibcuda: async () => hasLibcuda });

  it('reads driver, memory and name from nvidia-smi', async () => {
    const rows = ['550.54.14, 24564, GPU-aa11, NVIDIA GeForce RTX 4090', '550.54.14, [N/A], GPU-bb22, NVIDIA GB10'];
    expect(await find(`cat <<'END'\n${rows.join('\n')}\nEND`)).toEqual({
      ok: true,
      driverVersion: '550.54.14',
      devices: [
        { name: 'NVIDIA GeForce RTX 4090', uuid: 'GPU-aa11', memoryMegabytes: 24564 },
        { name: 'NVIDIA GB10', uuid: 'GPU-bb22', memoryMegabytes: 0 },
      ],
    });
  });

  it("reads the kernel module's files where nvidia-smi is absent", async () => {
    const gpu = join(dir, 'gpus', '0000:01:00.0');
    mkdirSync(gpu, { recursive: true });
    const version = 'NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.10  Release Build  (a@b)\n';
    writeFileSync(join(dir, 'version'), `${version}GCC version:  gcc version 12.2.0\n`);
    writeFileSync(join(gpu, 'information'), 'Model: \t\t NVIDIA RTX A2000\nIRQ:   \t\t 150\nGPU UUID: \t GPU-cc33\n');
    const sources = { nvidiaSmi: 'no-such-program', procDir: dir, hasLibcuda: async () => true };
    expect(await findNvidia(sources)).toEqual({
      ok: true,
      driverVersion: '570.86.10',
      devices: [{ name: 'NVIDIA RTX A2000', uuid: 'GPU-cc33', memoryMegabytes: 0 }],
    });
  });

  it('says what is missing', async () => {
    const absent = { nvidiaSmi: 'no-such-program', procDir: join(dir, 'absent'), hasLibcuda: async () => true };
    expect(await findNvidia(absent)).toEqual({
      ok: false,
      reason: 'neither nvidia-smi nor the kernel module is there',
    });
    expect(await find('echo "NVIDIA-SMI has failed: no driver"; exit 9')).toEqual({
      ok: false,
      reason: expect.stringContaining('NVIDIA-SMI has failed'),
    });
    expect(await find('true')).toEqual({ ok: false, reason: 'nvidia-smi lists no device' });
    expect(await find('echo "550.54.14, 24564, GPU-aa11, NVIDIA GeForce RTX 4090"', false)).toEqual({
      ok: false,
      reason: 'driver 550.54.14 is there, its library libcuda.so.1 is not',
    });
  });
});

describe('the device that computes', () => {
  const small = { name: 'small', uuid: 'GPU-aa11', memoryMegabytes: 8000 };
  const large = { name: 'large', uuid: 'GPU-bb22', memoryMegabytes: 24000 };
  const order = { CUDA_DEVICE_ORDER: 'PCI_BUS_ID' };

  it('is the one with the most memory, unless the user chose or there is one only', () => {
    expect(deviceEnvironment([small, large, { ...large, uuid: 'GPU-cc33' }], {})).toEqual({
      CUDA_VISIBLE_DEVICES: 'GPU-bb22',
    });
    expect(deviceEnvironment([small, large], { CUDA_VISIBLE_DEVICES: '0' })).toEqual({});
    expect(deviceEnvironment([small], {})).toEqual({});
    expect(deviceEnvironment([], {})).toEqual({});
  });

  it('is named after the last visible one, as tfjs-node takes that', () => {
    expect(usedDeviceName([small], {})).toBe('small');
    expect(usedDeviceName([small, large], { CUDA_VISIBLE_DEVICES: 'GPU-bb22' })).toBe('large');
    expect(usedDeviceName([small, large], { ...order, CUDA_VISIBLE_DEVICES: '1,0' })).toBe('small');
    expect(usedDeviceName([small, large], order)).toBe('large');
  });

  it('has no name where the order of the numbers is not known', () => {
    const unknown = 'an NVIDIA device';
    expect(usedDeviceName([small, large], { CUDA_VISIBLE_DEVICES: '1' })).toBe(unknown);
    expect(usedDeviceName([small, large], { ...order, CUDA_VISIBLE_DEVICES: '7' })).toBe(unknown);
    expect(usedDeviceName([small, large], { ...order, CUDA_VISIBLE_DEVICES: 'MIG-1' })).toBe(unknown);
    expect(usedDeviceName([], order)).toBe(unknown);
  });
});
