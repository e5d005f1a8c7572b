import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withLock } from './lock.js';

describe('withLock', () => {
  let dir: string;
  let lockFile: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'plumbline-lock-'));
    lockFile = join(dir, 'setup.lock');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('refuses while the process that holds it runs', async () => {
    writeFileSync(lockFile, String(process.ppid));
    await expect(withLock(lockFile, async () => 'done')).rejects.toMatchObject({
      code: 'PLB_TRAIN_SETUP_BUSY',
      params: { pid: process.ppid, lockFile },
    });
    expect(existsSync(lockFile)).toBe(true);
  });

  it('takes over from a process that has ended', async () => {
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    writeFileSync(lockFile, String(pid));
    const holder = await withLock(lockFile, async () => readFileSync(lockFile, 'utf8'));
    expect(holder).toBe(String(process.pid));
  });

  it('is free again after a failure', async () => {
    await expect(withLock(lockFile, () => Promise.reject(new Error('no network')))).rejects.toThrow('no network');
    expect(existsSync(lockFile)).toBe(false);
  });
});
