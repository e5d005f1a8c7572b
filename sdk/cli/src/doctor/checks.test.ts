import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { Check } from './check.js';
import { checkDisk, checkNodeVersion, firstThatRuns, isUsable } from './checks.js';

describe('doctor', () => {
  it('takes Node from 20.19 on', () => {
    expect(checkNodeVersion('20.18.3').ok).toBe(false);
    expect(checkNodeVersion('20.19.0').ok).toBe(true);
    expect(checkNodeVersion('22.1.0')).toEqual({ ok: true, found: '22.1.0' });
    expect(checkNodeVersion('18.20.0').ok).toBe(false);
  });

  it('says how much of the disk is free', async () => {
    expect(await checkDisk(tmpdir(), 1)).toEqual({ ok: true, found: expect.stringMatching(/^\d+\.\d GB free in /) });
    expect((await checkDisk(tmpdir(), 1e18)).ok).toBe(false);
  });

  it('tries the names of a program in turn', async () => {
    expect(await firstThatRuns(['no-such-program', process.execPath], ['--version'])).toEqual({
      ok: true,
      found: process.version,
    });
    expect(await firstThatRuns(['no-such-program'], ['--version'])).toEqual({ ok: false, found: 'not found' });
  });

  it('fails for a required part only', () => {
    const part: Check = { id: 'x', ok: true, required: true, found: '', expected: '', fix: '' };
    expect(isUsable([part, { ...part, ok: false, required: false }])).toBe(true);
    expect(isUsable([part, { ...part, ok: false }])).toBe(false);
  });
});
