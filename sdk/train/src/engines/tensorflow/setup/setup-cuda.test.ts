import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PinnedBuild, PinnedWheel } from './pins.js';
import { pinnedBuilds } from './pins.js';
import { type SetupOptions, type SetupPlan, setupTensorflow } from './setup.js';
import { writeZip } from './write-zip.test.fixture.js';

/**
 * The whole set-up for CUDA with stand-ins for the driver, pip, npm, the compiler, the wheels (3.4 GB) and the self-test.
 * Not run on hardware.
 */
describe('setupTensorflow for cuda', () => {
  let root: string;
  let cacheDir: string;
  /** What the index of the stand-in for pip holds. */
  let index: string;
  let cuda: PinnedBuild;
  let options: SetupOptions;

  const program = (name: string, script: string) => {
    const file = join(root, name);
    writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return file;
  };
  const wheel = (name: string, fileName: string, entries: Record<string, string>, files?: string[]): PinnedWheel => {
    writeZip(join(index, fileName), entries);
    const content = readFileSync(join(index, fileName));
    const sha256 = createHash('sha256').update(content).digest('hex');
    return { name, version: '2.0', fileName, sha256, bytes: content.length, ...(files ? { files } : {}) };
  };
  const requests = () => readFileSync(join(root, 'requests'), 'utf8').trim().split('\n');
  const nvidiaSmi = (row: string) => ({ nvidiaSmi: program('nvidia-smi', row), hasLibcuda: async () => true });

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'plumbline-cuda-'));
    cacheDir = join(root, 'cache');
    index = join(root, 'index');
    mkdirSync(index);
    const metadata = 'Name: tensorflow\nRequires-Dist: nvidia-a-cu12<3.0,>=1.9; extra == "and-cuda"\n';
    cuda = {
      tensorflow: wheel('tensorflow', 'tensorflow-2.0-cp312-cp312-manylinux_2_27_x86_64.whl', {
        'tensorflow/libtensorflow_cc.so.2': 'library',
        'tensorflow/libtensorflow_framework.so.2': 'library',
        'tensorflow-2.0.dist-info/METADATA': metadata,
      }),
      nvidia: [
        wheel(
          'nvidia-a-cu12',
          'nvidia_a_cu12-2.0-py3-none-manylinux_2_27_x86_64.whl',
          { 'nvidia/a/lib/liba.so.12': 'a', 'nvidia/a/include/a.h': 'not needed' },
          ['nvidia/a/lib/liba.so.12'],
        ),
        wheel(
          'nvidia-b-cu12',
          'nvidia_b_cu12-2.0-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
          { 'nvidia/b/lib/libb.so.12': 'b' },
          ['nvidia/b/lib/libb.so.12'],
        ),
      ],
      installedBytes: 1e6,
    };
    // The last argument is NAME==VERSION, the file's name starts with it; the folder comes after --dest.
    const copy = `for spec; do :; done; echo "$spec" >> ${join(root, 'requests')}
      while [ "$1" != --dest ]; do [ "$2" = --version ] && exit 0; shift; done
      cp ${index}/"$(echo "$spec" | tr - _ | sed s/==.*//)"-2.0-* "$2"`;
    options = {
      cacheDir,
      build: 'cuda',
      builds: { ...pinnedBuilds, cuda },
      host: { platform: 'linux', arch: 'x64', glibcVersion: '2.36' },
      nvidia: nvidiaSmi('echo "550.54.14, 24564, GPU-aa11, Some card"'),
      npm: program('npm', 'mkdir -p node_modules/@tensorflow/tfjs-node/binding'),
      python: program('python3', copy),
      compiler: program('g++', 'true'),
      probe: async (_cache, { needsDevice } = {}) =>
        needsDevice
          ? { ok: true, version: '2.0', device: 'Some card' }
          : { ok: false, reason: 'the device was not asked for' },
    };
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it("puts NVIDIA's libraries where TensorFlow looks for them and takes the place of the CPU engine", async () => {
    mkdirSync(join(cacheDir, 'tensorflow'), { recursive: true });
    writeFileSync(join(cacheDir, 'tensorflow', 'before'), '');
    let plan: SetupPlan | undefined;
    const result = await setupTensorflow({ ...options, onPlan: (told) => (plan = told) });
    const dir = join(cacheDir, 'tensorflow');
    expect(result).toMatchObject({ dir, build: 'cuda', device: 'Some card', isPinned: true, wasSetUp: false });
    expect(JSON.parse(readFileSync(join(dir, 'setup.json'), 'utf8'))).toEqual(result);
    // deps/lib is a link to tf/tensorflow: $ORIGIN/../nvidia/a/lib of the libraries there.
    const deps = join(dir, 'node_modules/@tensorflow/tfjs-node/deps/lib');
    expect(readFileSync(`${deps}/../nvidia/a/lib/liba.so.12`, 'utf8')).toBe('a');
    expect(existsSync(join(dir, 'tf/nvidia/a/include'))).toBe(false);
    expect(readdirSync(cacheDir)).toEqual(['tensorflow']);
    expect(existsSync(join(dir, 'before'))).toBe(false);

    const bytes = [cuda.tensorflow, ...cuda.nvidia].map((pinned) => pinned.bytes);
    const fetchBytes = bytes.reduce((sum, size) => sum + size, 0);
    const neededBytes = fetchBytes + Math.max(...bytes) + 1e6;
    expect(plan).toEqual({ build: 'cuda', dir, wheels: 3, fetchBytes, neededBytes, installedBytes: 1e6 });
  });

  it('fetches only what an interrupted run has not', async () => {
    const broken = join(index, cuda.nvidia[1]!.fileName);
    rmSync(broken);
    await expect(setupTensorflow(options)).rejects.toMatchObject({ code: 'PLB_TRAIN_SETUP_DOWNLOAD_FAILED' });
    expect(requests()).toEqual(expect.arrayContaining(['tensorflow==2.0', 'nvidia-a-cu12==2.0', 'nvidia-b-cu12==2.0']));
    rmSync(join(root, 'requests'));
    writeZip(broken, { 'nvidia/b/lib/libb.so.12': 'b' });
    await setupTensorflow(options);
    expect(requests().filter((line) => line.includes('=='))).toEqual(['nvidia-b-cu12==2.0']);
  });

  it('refuses a wheel with other content and fetches it afresh the next time', async () => {
    const changed = join(index, cuda.nvidia[0]!.fileName);
    const good = readFileSync(changed);
    writeFileSync(changed, 'other');
    await expect(setupTensorflow(options)).rejects.toMatchObject({
      code: 'PLB_TRAIN_SETUP_WHEEL_HASH',
      params: { expectedSha256: cuda.nvidia[0]!.sha256 },
    });
    expect(existsSync(join(cacheDir, 'tensorflow'))).toBe(false);
    writeFileSync(changed, good);
    // Cut off on the disk: found out before anything is unpacked.
    writeFileSync(join(cacheDir, '.setup/download', cuda.tensorflow.fileName), 'cut');
    expect(await setupTensorflow(options)).toMatchObject({ device: 'Some card' });
  });

  it("takes TensorFlow's wheel from a file, and NVIDIA's beside it, without pip", async () => {
    const folder = join(root, 'stick');
    mkdirSync(folder);
    for (const { fileName } of [cuda.tensorflow, ...cuda.nvidia])
      copyFileSync(join(index, fileName), join(folder, fileName));
    const wheelFile = join(folder, cuda.tensorflow.fileName);
    const result = await setupTensorflow({ ...options, wheelFile, python: 'no-such-python' });
    expect(result).toMatchObject({ isPinned: true, device: 'Some card' });
    expect(existsSync(join(root, 'requests'))).toBe(false);
    expect(readdirSync(folder)).toHaveLength(3);

    writeFileSync(join(folder, cuda.nvidia[0]!.fileName), 'other');
    rmSync(join(cacheDir, 'tensorflow'), { recursive: true });
    await expect(setupTensorflow({ ...options, wheelFile })).rejects.toMatchObject({
      code: 'PLB_TRAIN_SETUP_WHEEL_HASH',
    });
    expect(readdirSync(folder)).toHaveLength(3);
  });

  it('refuses a wheel that is not the CUDA build', async () => {
    const wheelFile = join(root, 'tensorflow_cpu-2.0.whl');
    writeZip(wheelFile, { 'tensorflow_cpu-2.0.dist-info/METADATA': 'Name: tensorflow_cpu\n' });
    await expect(setupTensorflow({ ...options, wheelFile })).rejects.toMatchObject({
      code: 'PLB_TRAIN_SETUP_WHEEL_INVALID',
      message: expect.stringContaining('--cuda needs tensorflow'),
    });
  });

  it('keeps the engine of before when the device does not compute', async () => {
    mkdirSync(join(cacheDir, 'tensorflow'), { recursive: true });
    writeFileSync(join(cacheDir, 'tensorflow', 'before'), '');
    const probe = async () => ({ ok: false as const, reason: 'failed call to cuInit' });
    await expect(setupTensorflow({ ...options, probe })).rejects.toMatchObject({
      code: 'PLB_TRAIN_SETUP_SELF_TEST_FAILED',
      params: { reason: 'failed call to cuInit' },
    });
    expect(readdirSync(join(cacheDir, 'tensorflow'))).toEqual(['before']);
  });

  it('has nothing to do where it works, for the CPU build neither', async () => {
    await setupTensorflow(options);
    rmSync(join(root, 'requests'));
    const probe = async () => ({ ok: true as const, version: '2.0', device: 'Some card' });
    for (const build of ['cuda', 'cpu'] as const) {
      expect(await setupTensorflow({ ...options, build, probe })).toMatchObject({ build: 'cuda', wasSetUp: true });
    }
    expect(existsSync(join(root, 'requests'))).toBe(false);
  });

  it.each([
    ['exit 9', 'PLB_TRAIN_SETUP_NO_NVIDIA_DRIVER'],
    ['echo "470.256.02, 8192, GPU-aa11, Old card"', 'PLB_TRAIN_SETUP_NVIDIA_DRIVER_TOO_OLD'],
  ])('refuses before it touches anything where nvidia-smi says %j', async (script, code) => {
    await expect(setupTensorflow({ ...options, nvidia: nvidiaSmi(script) })).rejects.toMatchObject({ code });
    expect(existsSync(cacheDir)).toBe(false);
  });

  it('says what it would fetch and refuses where the disk lacks the room', async () => {
    let plan: SetupPlan | undefined;
    const builds = { ...pinnedBuilds, cuda: { ...cuda, installedBytes: 1e18 } };
    await expect(setupTensorflow({ ...options, builds, onPlan: (told) => (plan = told) })).rejects.toMatchObject({
      code: 'PLB_TRAIN_SETUP_DISK_FULL',
    });
    expect(plan?.wheels).toBe(3);
    expect(requests().filter((line) => line.includes('=='))).toEqual([]);
  });
});

describe('the pinned wheels', () => {
  it('are thirteen for CUDA, 3.4 GB in all, and carry their names and versions', () => {
    const wheels = [pinnedBuilds.cuda.tensorflow, ...pinnedBuilds.cuda.nvidia];
    expect(wheels).toHaveLength(13);
    expect(wheels.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(3_379_253_592);
    for (const { name, version, fileName, sha256 } of wheels) {
      expect(fileName).toMatch(new RegExp(`^${name.replaceAll('-', '_')}-${version}-.*x86_64\\.whl$`));
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    }
  });
});
