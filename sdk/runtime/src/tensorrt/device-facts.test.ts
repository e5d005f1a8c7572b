import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readDeviceFacts } from './device-facts.js';
import { isPinnedPairing, jetPackOf, parseTegraRelease } from './jetpack.js';

const dir = mkdtempSync(join(tmpdir(), 'plumbline-facts-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
let made = 0;

/** A folder that stands for `/`, with the given files; every program is absent unless it is given as the text it prints. */
function device(files: Record<string, string>, programs: Record<string, string> = {}) {
  const root = join(dir, String(made++));
  mkdirSync(root);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  const program = (name: string) => {
    const path = join(root, name);
    const text = programs[name];
    if (text !== undefined) {
      writeFileSync(path, `#!/bin/sh\ncat <<'EOF'\n${text}\nEOF\n`);
      chmodSync(path, 0o755);
    }
    return path;
  };
  const [trtexec, nvidiaSmi, dpkgQuery] = ['trtexec', 'nvidia-smi', 'dpkg-query'].map(program) as [
    string,
    string,
    string,
  ];
  return { root, trtexec, nvidiaSmi, dpkgQuery };
}

// Reconstructions after public listings of an Orin Nano with JetPack 6.2 (L4T 36.4.3), of JetPack 5 and of desktops.
const orin = {
  'etc/nv_tegra_release':
    '# R36 (release), REVISION: 4.3, GCID: 12345678, BOARD: generic, EABI: aarch64, DATE: Sat Jan 31 12:00:00 UTC 2026\n# KERNEL_VARIANT: oot\n',
  'proc/device-tree/model': 'NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super\0',
  'proc/device-tree/compatible': 'nvidia,p3768-0000+p3767-0005-super\0nvidia,p3767-0005\0nvidia,tegra234\0',
};
const banner = '&&&& RUNNING TensorRT.trtexec [TensorRT v100300] # trtexec --help';

describe('readDeviceFacts', () => {
  it('tells a Jetson by its device tree, L4T and trtexec', async () => {
    const sources = device(orin, { trtexec: banner, 'nvidia-smi': 'Orin (nvgpu), 8.7' });
    expect(await readDeviceFacts(sources)).toEqual({
      tensorrt: '10.3.0',
      gpu: 'NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super, nvidia,p3768-0000+p3767-0005-super',
      computeCapability: '8.7',
      jetPack: '6.2',
      l4t: '36.4.3',
    });
  });

  it('takes the compute capability from the chip and TensorRT from its package where the programs are silent', async () => {
    const dpkg =
      'ii  libnvinfer10 10.3.0.30-1+cuda12.5\nrc  libnvinfer8 8.6.2.3-1+cuda12.2\nii  libnvinfer-bin 99.0.0-1';
    const silent = device(orin, { 'dpkg-query': dpkg, 'nvidia-smi': 'Orin (nvgpu), [N/A]' });
    expect(await readDeviceFacts(silent)).toMatchObject({ tensorrt: '10.3.0', computeCapability: '8.7' });
  });

  it('tells a desktop by nvidia-smi', async () => {
    const desktop = device({}, { trtexec: banner, 'nvidia-smi': 'NVIDIA GeForce RTX 3070, 8.6\nNVIDIA T400, 7.5' });
    expect(await readDeviceFacts(desktop)).toEqual({
      tensorrt: '10.3.0',
      gpu: 'NVIDIA GeForce RTX 3070',
      computeCapability: '8.6',
      jetPack: null,
      l4t: null,
    });
  });

  it('refuses JetPack 5, whose TensorRT 8.5 is too old', async () => {
    const release = '# R35 (release), REVISION: 3.1, GCID: 12345678, BOARD: t186ref, EABI: aarch64';
    const old = device({ ...orin, 'etc/nv_tegra_release': release });
    await expect(readDeviceFacts(old)).rejects.toMatchObject({
      code: 'PLB_RUNTIME_JETPACK_UNSUPPORTED',
      params: { jetPack: '5', l4t: '35.3.1', tensorrt: '8.5' },
    });
  });

  it.each([
    ['the TensorRT version', {}, { 'nvidia-smi': 'RTX, 8.6' }, 'libnvinfer'],
    ['name and compute capability of the graphics processor', {}, { trtexec: banner }, 'nvidia-smi'],
    ['the JetPack version', { ...orin, 'etc/nv_tegra_release': '' }, { trtexec: banner }, 'nv_tegra_release'],
  ])('says what it looked for when it cannot find %s', async (fact, files, programs, lookedFor) => {
    await expect(readDeviceFacts(device(files, programs))).rejects.toMatchObject({
      code: 'PLB_RUNTIME_DEVICE_FACT_MISSING',
      params: { fact, lookedFor: expect.stringContaining(lookedFor) },
    });
  });
});

describe('JetPack', () => {
  it.each([
    ['36.4.0', '6.1', '10.3'],
    ['36.4.3', '6.2', '10.3'],
    ['36.4.7', '6.2.1', '10.3'],
    ['36.2.0', '6.0', '8.6 or 10.0'],
    ['38.2.0', '7.0 or 7.1', '10.13'],
    ['39.2.0', '7.2', undefined],
    ['40.1', 'unknown', undefined],
  ])('of L4T %s is %s with TensorRT %s', (l4t, version, tensorrt) =>
    expect(jetPackOf(l4t)).toEqual({ version, l4t, tensorrt, isSupported: true }),
  );

  it('is not read from another text', () => expect(parseTegraRelease('Debian 12')).toBeUndefined());

  it('is pinned together with TensorRT and ONNX Runtime', () => {
    expect(isPinnedPairing('1.25.1', '10.3.0', '6.2.1')).toBe(true);
    expect(isPinnedPairing('1.24.0', '10.3.0', '6.1')).toBe(true);
    expect(isPinnedPairing('1.30.0', '10.3.0', '6.2')).toBe(false);
    expect(isPinnedPairing('1.25.1', '10.30.0', '6.2')).toBe(false);
    expect(isPinnedPairing('1.25.1', '10.3.0', null)).toBe(false);
  });
});
