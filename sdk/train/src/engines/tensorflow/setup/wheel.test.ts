import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pinnedBuilds } from './pins.js';
import { checkWheel, downloadWheel, extractWheel, tensorflowContents } from './wheel.js';
import { writeZip } from './write-zip.test.fixture.js';

const entries = {
  'tensorflow/libtensorflow_cc.so.2': 'the large library',
  'tensorflow/libtensorflow_framework.so.2': 'the small library',
  'tensorflow/include/tensorflow/c/c_api.h': '#pragma once',
  'tensorflow/include/tsl/platform/status.h': '#pragma once',
  'tensorflow/include/tensorflow/c/notes.txt': 'no header',
  'tensorflow/include/absl/strings.h': 'not needed',
  'tensorflow/python/__init__.py': 'not needed',
};
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'plumbline-wheel-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const ignore = () => {};
const pinnedWheel = pinnedBuilds.cpu.tensorflow;

describe('checkWheel', () => {
  it('takes any wheel by another name and hashes it', async () => {
    const file = join(dir, 'other.whl');
    writeFileSync(file, 'abc');
    expect(await checkWheel(file, pinnedWheel, ignore)).toEqual({
      file,
      sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', // FIPS 180-2 appendix B.1
      isPinned: false,
    });
  });

  it('refuses a file that carries the pinned name and has other content', async () => {
    const file = join(dir, pinnedWheel.fileName);
    writeFileSync(file, 'abc');
    await expect(checkWheel(file, pinnedWheel, ignore)).rejects.toMatchObject({
      code: 'PLB_TRAIN_SETUP_WHEEL_HASH',
      params: { expectedSha256: pinnedWheel.sha256 },
    });
  });

  it('names a file that does not exist', async () => {
    const file = join(dir, 'absent.whl');
    await expect(checkWheel(file, pinnedWheel, ignore)).rejects.toMatchObject({
      code: 'PLB_TRAIN_SETUP_WHEEL_INVALID',
      params: { file },
    });
  });
});

describe('extractWheel', () => {
  it('takes the libraries and the headers of the C interface and nothing else', async () => {
    const file = join(dir, 'good.whl');
    const target = join(dir, 'good');
    writeZip(file, entries);
    const reports: { done: number; total: number }[] = [];
    await extractWheel(file, target, tensorflowContents, (done, total) => reports.push({ done, total }));
    const wanted = Object.entries(entries).slice(0, 4);
    for (const [name, text] of wanted) expect(readFileSync(join(target, name), 'utf8')).toBe(text);
    for (const name of Object.keys(entries).slice(4)) expect(existsSync(join(target, name))).toBe(false);
    const total = wanted.reduce((sum, [, text]) => sum + text.length, 0);
    expect(reports.at(-1)).toEqual({ done: total, total });
    expect(reports.map((r) => r.done)).toEqual(reports.map((r) => r.done).sort((a, b) => a - b));
  });

  it('continues where an interrupted run has stopped', async () => {
    const file = join(dir, 'resumed.whl');
    const target = join(dir, 'resumed');
    writeZip(file, entries);
    await extractWheel(file, target, tensorflowContents, ignore);
    const whole = join(target, 'tensorflow/libtensorflow_cc.so.2');
    const broken = join(target, 'tensorflow/libtensorflow_framework.so.2');
    const before = statSync(whole).mtimeMs;
    writeFileSync(broken, 'the sm');
    await extractWheel(file, target, tensorflowContents, ignore);
    expect(statSync(whole).mtimeMs).toBe(before);
    expect(readFileSync(broken, 'utf8')).toBe('the small library');
  });

  it('refuses a wheel without the library', async () => {
    const file = join(dir, 'wrong.whl');
    writeZip(file, { 'numpy/__init__.py': '' });
    await expect(extractWheel(file, join(dir, 'wrong'), tensorflowContents, ignore)).rejects.toMatchObject({
      code: 'PLB_TRAIN_SETUP_WHEEL_INVALID',
      message: expect.stringContaining('libtensorflow_cc.so.2'),
    });
  });

  it('keeps the mode of a program', async () => {
    const file = join(dir, 'program.whl');
    writeZip(
      file,
      { 'nvidia/cuda_nvcc/bin/ptxas': '#!/bin/sh', 'nvidia/cuda_nvcc/readme': '' },
      { executable: /ptxas/ },
    );
    const files = ['nvidia/cuda_nvcc/bin/ptxas', 'nvidia/cuda_nvcc/readme'];
    await extractWheel(file, join(dir, 'program'), { required: files }, ignore);
    const modes = files.map((name) => statSync(join(dir, 'program', name)).mode & 0o100);
    expect(modes).toEqual([0o100, 0]);
  });

  it('refuses what is no zip file', async () => {
    const file = join(dir, 'page.whl');
    writeFileSync(file, '<html>sign in to the network</html>');
    await expect(extractWheel(file, join(dir, 'page'), tensorflowContents, ignore)).rejects.toMatchObject({
      code: 'PLB_TRAIN_SETUP_WHEEL_INVALID',
    });
  });
});

describe('downloadWheel', () => {
  const pip = (name: string, script: string) => {
    const file = join(dir, name);
    writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return file;
  };

  it("passes pip's complaint on", async () => {
    const python = pip('python', 'echo "ERROR: No matching distribution found for $*" >&2; exit 1');
    await expect(downloadWheel(pinnedWheel, join(dir, 'download'), python, ignore)).rejects.toMatchObject({
      code: 'PLB_TRAIN_SETUP_DOWNLOAD_FAILED',
      message: expect.stringMatching(/No matching distribution found for .*tensorflow-cpu==/),
    });
  });

  it('asks for the platforms that the name of the wheel states', async () => {
    const python = pip('python-echo', 'echo "ERROR: $*" >&2; exit 1');
    const runtime = pinnedBuilds.cuda.nvidia.find(({ name }) => name === 'nvidia-cuda-runtime-cu12')!;
    await expect(downloadWheel(runtime, join(dir, 'platforms'), python, ignore)).rejects.toThrow(
      /--platform manylinux2014_x86_64 --platform manylinux_2_17_x86_64 nvidia-cuda-runtime-cu12==12/,
    );
  });

  it('says so when pip brings another file', async () => {
    const python = pip('python-other', 'while [ "$1" != --dest ]; do shift; done; echo > "$2/other.whl"');
    await expect(downloadWheel(pinnedWheel, join(dir, 'other'), python, ignore)).rejects.toMatchObject({
      code: 'PLB_TRAIN_SETUP_DOWNLOAD_FAILED',
      message: expect.stringContaining('pip brought other.whl instead of tensorflow_cpu-2.21.0'),
    });
  });
});
