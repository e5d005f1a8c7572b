import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SetupProgress } from './progress.js';
import { checkWheel, downloadWheel, extractWheel, pinnedWheel } from './wheel.js';
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

describe('checkWheel', () => {
  it('takes any wheel by another name and hashes it', async () => {
    const file = join(dir, 'other.whl');
    writeFileSync(file, 'abc');
    expect(await checkWheel(file, ignore)).toEqual({
      file,
      sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', // FIPS 180-2 appendix B.1
      isPinned: false,
    });
  });

  it('refuses a file that carries the pinned name and has other content', async () => {
    const file = join(dir, pinnedWheel.fileName);
    writeFileSync(file, 'abc');
    await expect(checkWheel(file, ignore)).rejects.toMatchObject({
      code: 'PLB_TRAIN_SETUP_WHEEL_HASH',
      params: { expectedSha256: pinnedWheel.sha256 },
    });
  });

  it('names a file that does not exist', async () => {
    const file = join(dir, 'absent.whl');
    await expect(checkWheel(file, ignore)).rejects.toMatchObject({
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
    const reports: SetupProgress[] = [];
    await extractWheel(file, target, (progress) => reports.push(progress));
    const wanted = Object.entries(entries).slice(0, 4);
    for (const [name, text] of wanted) expect(readFileSync(join(target, name), 'utf8')).toBe(text);
    for (const name of Object.keys(entries).slice(4)) expect(existsSync(join(target, name))).toBe(false);
    const total = wanted.reduce((sum, [, text]) => sum + text.length, 0);
    expect(reports.at(-1)).toEqual({ step: 'unpack', done: total, total });
    expect(reports.map((r) => r.done)).toEqual(reports.map((r) => r.done).sort((a, b) => a - b));
  });

  it('continues where an interrupted run has stopped', async () => {
    const file = join(dir, 'resumed.whl');
    const target = join(dir, 'resumed');
    writeZip(file, entries);
    await extractWheel(file, target, ignore);
    const whole = join(target, 'tensorflow/libtensorflow_cc.so.2');
    const broken = join(target, 'tensorflow/libtensorflow_framework.so.2');
    const before = statSync(whole).mtimeMs;
    writeFileSync(broken, 'the sm');
    await extractWheel(file, target, ignore);
    expect(statSync(whole).mtimeMs).toBe(before);
    expect(readFileSync(broken, 'utf8')).toBe('the small library');
  });

  it('refuses a wheel without the library', async () => {
    const file = join(dir, 'wrong.whl');
    writeZip(file, { 'numpy/__init__.py': '' });
    await expect(extractWheel(file, join(dir, 'wrong'), ignore)).rejects.toMatchObject({
      code: 'PLB_TRAIN_SETUP_WHEEL_INVALID',
      message: expect.stringContaining('libtensorflow_cc.so.2'),
    });
  });

  it('refuses what is no zip file', async () => {
    const file = join(dir, 'page.whl');
    writeFileSync(file, '<html>sign in to the network</html>');
    await expect(extractWheel(file, join(dir, 'page'), ignore)).rejects.toMatchObject({
      code: 'PLB_TRAIN_SETUP_WHEEL_INVALID',
    });
  });
});

describe('downloadWheel', () => {
  it("passes pip's complaint on", async () => {
    const python = join(dir, 'python');
    writeFileSync(python, '#!/bin/sh\necho "ERROR: No matching distribution found for $*" >&2\nexit 1\n', {
      mode: 0o755,
    });
    await expect(downloadWheel(join(dir, 'download'), python, ignore)).rejects.toMatchObject({
      code: 'PLB_TRAIN_SETUP_DOWNLOAD_FAILED',
      message: expect.stringMatching(/No matching distribution found for .*tensorflow-cpu==/),
    });
  });

  it('deletes a download with the wrong content, so that the next run starts afresh', async () => {
    const python = join(dir, 'python-mirror');
    // The folder after --dest gets a file by the right name.
    const script = `while [ "$1" != --dest ]; do shift; done; echo wrong > "$2/${pinnedWheel.fileName}"`;
    writeFileSync(python, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const download = join(dir, 'download-wrong');
    await expect(downloadWheel(download, python, ignore)).rejects.toMatchObject({ code: 'PLB_TRAIN_SETUP_WHEEL_HASH' });
    expect(existsSync(join(download, pinnedWheel.fileName))).toBe(false);
  });
});
