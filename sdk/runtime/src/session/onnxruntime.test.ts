import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';

const dir = mkdtempSync(join(tmpdir(), 'plumbline-onnxruntime-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
afterEach(() => {
  vi.unstubAllEnvs();
  vi.resetModules();
});

/** A package folder; each test has the module anew, since it keeps what it loaded. */
async function load(name: string, packageJson: string, main: string) {
  const folder = join(dir, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), packageJson);
  writeFileSync(join(folder, 'main.js'), main);
  vi.stubEnv('PLUMBLINE_ONNXRUNTIME', folder);
  const { onnxruntime } = await import('./onnxruntime.js');
  return onnxruntime();
}
const named = (name: string) => JSON.stringify({ name, main: 'main.js' });

describe('onnxruntime', () => {
  it('is the installed package when nothing is configured', async () => {
    vi.stubEnv('PLUMBLINE_ONNXRUNTIME', '');
    const { onnxruntime } = await import('./onnxruntime.js');
    expect(
      onnxruntime()
        .listSupportedBackends()
        .map(({ name }) => name),
    ).toContain('cpu');
  });

  it('is the package in the configured folder', async () => {
    const loaded = await load('good', named('onnxruntime-node'), 'exports.env = { versions: { node: "1.25.1" } };');
    expect(loaded.env.versions).toEqual({ node: '1.25.1' });
  });

  it.each([
    ['throws', named('onnxruntime-node'), 'throw new Error("libnvinfer.so.10: cannot open");', 'libnvinfer.so.10'],
    ['is another package', named('left-pad'), '', 'package.json is that of left-pad'],
    ['has no package.json that can be read', '{', '', 'JSON'],
  ])('names the configured folder when it %s', async (name, packageJson, main, reason) => {
    await expect(load(name, packageJson, main)).rejects.toMatchObject({
      code: 'PLB_RUNTIME_ONNXRUNTIME_UNUSABLE',
      params: { folder: join(dir, name), reason: expect.stringContaining(reason) },
    });
  });
});
