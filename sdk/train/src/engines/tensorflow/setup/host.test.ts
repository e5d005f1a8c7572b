import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { requireCompiler, requireNvidia, requirePip, requireSpace, requireSupportedHost } from './host.js';

describe('requireSupportedHost', () => {
  const linux = { platform: 'linux', arch: 'x64', glibcVersion: '2.27' };

  it('takes Linux on x86-64 from glibc 2.27 on', () => {
    expect(() => requireSupportedHost(linux)).not.toThrow();
    expect(() => requireSupportedHost({ ...linux, glibcVersion: '2.36' })).not.toThrow();
    expect(() => requireSupportedHost({ ...linux, glibcVersion: '3.0' })).not.toThrow();
  });

  it.each([
    [{ platform: 'darwin', arch: 'arm64', glibcVersion: undefined }, 'darwin on arm64'],
    [{ ...linux, arch: 'arm64' }, 'linux on arm64'],
    [{ ...linux, glibcVersion: '2.17' }, 'glibc 2.17'],
    [{ ...linux, glibcVersion: undefined }, 'glibc absent'],
  ])('refuses %o', (host, found) => {
    expect(() => requireSupportedHost(host)).toThrow(
      expect.objectContaining({ code: 'PLB_TRAIN_SETUP_UNSUPPORTED', message: expect.stringContaining(found) }),
    );
  });
});

describe('requireNvidia', () => {
  const withDriver = (driverVersion: string) => ({ ok: true as const, driverVersion, devices: [] });

  it('takes drivers from 525.60.13 on', () => {
    expect(() => requireNvidia(withDriver('525.60.13'))).not.toThrow();
    expect(() => requireNvidia(withDriver('580.65.06'))).not.toThrow();
    expect(() => requireNvidia(withDriver('525.53'))).toThrow(
      expect.objectContaining({
        code: 'PLB_TRAIN_SETUP_NVIDIA_DRIVER_TOO_OLD',
        params: { found: '525.53', needed: '525.60.13' },
      }),
    );
  });

  it('says why there is none', () => {
    expect(() => requireNvidia({ ok: false, reason: 'nvidia-smi lists no device' })).toThrow(
      expect.objectContaining({
        code: 'PLB_TRAIN_SETUP_NO_NVIDIA_DRIVER',
        message: expect.stringContaining('lists no device'),
      }),
    );
  });
});

describe('what the setup needs', () => {
  it('names the compiler that cannot be run', async () => {
    await expect(requireCompiler('no-such-compiler')).rejects.toMatchObject({
      code: 'PLB_TRAIN_SETUP_NO_COMPILER',
      params: { command: 'no-such-compiler' },
    });
  });

  it('names the Python that has no pip', async () => {
    // Node takes `-m` for an unknown option, as a Python without pip complains about the module.
    await expect(requirePip(process.execPath)).rejects.toMatchObject({ code: 'PLB_TRAIN_SETUP_NO_PIP' });
    await expect(requirePip('no-such-python')).rejects.toMatchObject({ code: 'PLB_TRAIN_SETUP_NO_PIP' });
  });

  it('says how much space is missing', async () => {
    await expect(requireSpace(tmpdir(), 1e12)).rejects.toMatchObject({
      code: 'PLB_TRAIN_SETUP_DISK_FULL',
      params: { neededMegabytes: 1e12 },
    });
    await expect(requireSpace(tmpdir(), 0)).resolves.toBeUndefined();
  });
});
