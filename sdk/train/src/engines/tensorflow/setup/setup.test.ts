import { existsSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { setupTensorflow } from './setup.js';
import { writeZip } from './write-zip.test.fixture.js';

/** The whole sequence, with stand-ins for npm, the compiler and the wheel: the real one moves 300 MB. */
describe('setupTensorflow', () => {
  const host = { platform: 'linux', arch: 'x64', glibcVersion: '2.36' };
  let cacheDir: string;
  let wheelFile: string;
  const program = (name: string, script: string) => {
    const file = join(cacheDir, name);
    writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return file;
  };

  beforeEach(() => {
    cacheDir = mkdtempSync(join(tmpdir(), 'plumbline-setup-'));
    wheelFile = join(cacheDir, 'tensorflow_cpu-9.9.9.whl');
    writeZip(wheelFile, {
      'tensorflow/libtensorflow_cc.so.2': 'library',
      'tensorflow/libtensorflow_framework.so.2': 'library',
    });
  });
  afterEach(() => rmSync(cacheDir, { recursive: true, force: true }));

  const npmThatWorks = () => program('npm', 'mkdir -p node_modules/@tensorflow/tfjs-node/binding');
  /** Writes what is no library to the file after -o, and keeps its arguments. */
  const compilerThatLies = () =>
    program(
      'g++',
      `echo "$*" > ${join(cacheDir, 'arguments')}; while [ $# -gt 0 ]; do [ "$1" = -o ] && echo no > "$2"; shift; done`,
    );

  it('keeps the engine of before when the new one fails its self-test', async () => {
    mkdirSync(join(cacheDir, 'tensorflow'));
    writeFileSync(join(cacheDir, 'tensorflow', 'before'), '');
    const options = { cacheDir, wheelFile, host, npm: npmThatWorks(), compiler: compilerThatLies() };
    await expect(setupTensorflow(options)).rejects.toMatchObject({ code: 'PLB_TRAIN_SETUP_SELF_TEST_FAILED' });
    expect(existsSync(join(cacheDir, 'tensorflow', 'before'))).toBe(true);
    expect(existsSync(join(cacheDir, 'setup.lock'))).toBe(false);

    const staging = join(cacheDir, '.setup', 'tensorflow');
    expect(readFileSync(join(staging, 'tf/tensorflow/libtensorflow_cc.so.2'), 'utf8')).toBe('library');
    expect(readlinkSync(join(staging, 'node_modules/@tensorflow/tfjs-node/deps/lib'))).toBe(
      '../../../../tf/tensorflow',
    );
    expect(readFileSync(join(cacheDir, 'arguments'), 'utf8')).toContain('-Wl,-rpath,$ORIGIN/../../deps/lib');
  });

  it("passes the compiler's complaint on", async () => {
    const compiler = program(
      'g++',
      '[ "$1" = --version ] && exit 0; echo "tfjs_backend.cc:1:1: error: c_api.h: No such file" >&2; exit 1',
    );
    await expect(setupTensorflow({ cacheDir, wheelFile, host, npm: npmThatWorks(), compiler })).rejects.toMatchObject({
      code: 'PLB_TRAIN_SETUP_COMPILE_FAILED',
      message: expect.stringContaining('error: c_api.h: No such file'),
    });
  });

  it('says what npm could not fetch', async () => {
    const npm = program('npm', 'echo "npm error code ENOTFOUND" >&2; exit 1');
    await expect(
      setupTensorflow({ cacheDir, wheelFile, host, npm, compiler: compilerThatLies() }),
    ).rejects.toMatchObject({
      code: 'PLB_TRAIN_SETUP_DOWNLOAD_FAILED',
      message: expect.stringMatching(/tfjs-node@4\.22\.0.*ENOTFOUND/),
    });
  });

  it('unpacks afresh when it is given another wheel than the interrupted run had', async () => {
    const options = { cacheDir, host, npm: npmThatWorks(), compiler: compilerThatLies() };
    await expect(setupTensorflow({ ...options, wheelFile })).rejects.toThrow();
    const other = join(cacheDir, 'tensorflow_cpu-8.8.8.whl');
    writeZip(other, {
      'tensorflow/libtensorflow_cc.so.2': 'LIBRARY', // same size: only the wheel's hash tells them apart
      'tensorflow/libtensorflow_framework.so.2': 'LIBRARY',
    });
    await expect(setupTensorflow({ ...options, wheelFile: other })).rejects.toThrow();
    const unpacked = join(cacheDir, '.setup/tensorflow/tf/tensorflow/libtensorflow_cc.so.2');
    expect(readFileSync(unpacked, 'utf8')).toBe('LIBRARY');
  });

  it('refuses before it touches anything', async () => {
    const absent = join(cacheDir, 'cache');
    await expect(
      setupTensorflow({ cacheDir: absent, wheelFile, host: { ...host, arch: 'arm64' } }),
    ).rejects.toMatchObject({
      code: 'PLB_TRAIN_SETUP_UNSUPPORTED',
    });
    await expect(setupTensorflow({ cacheDir: absent, host, compiler: 'no-such-compiler' })).rejects.toMatchObject({
      code: 'PLB_TRAIN_SETUP_NO_COMPILER',
    });
    expect(existsSync(absent)).toBe(false);
  });
});
