import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const plumbline = fileURLToPath(new URL('../../sdk/cli/dist/main.js', import.meta.url));
const hasNvidia = existsSync('/proc/driver/nvidia/version');
const emptyCache = mkdtempSync(join(tmpdir(), 'plumbline-doctor-'));
afterAll(() => rmSync(emptyCache, { recursive: true, force: true }));

/** Runs the command on a machine with no programs and an empty cache. */
function run(...args: string[]) {
  const env = { ...process.env, PATH: '/nonexistent', PLUMBLINE_CACHE: emptyCache };
  return spawnSync(process.execPath, [plumbline, ...args], { encoding: 'utf8', env });
}

describe('plumbline doctor', () => {
  it('finds the modules it cannot do without and says how to get the rest', () => {
    const { status, stdout } = run('doctor', '--json');
    const { checks } = JSON.parse(stdout) as { checks: { id: string; ok: boolean; required: boolean; fix: string }[] };
    const byId = Object.fromEntries(checks.map((check) => [check.id, check]));
    for (const id of ['node', 'onnxruntime-node', 'sharp', 'libsql', 'disk'])
      expect(byId[id]).toMatchObject({ ok: true });
    for (const id of ['tensorflow', 'compiler', 'python', 'chromium']) expect(byId[id]).toMatchObject({ ok: false });
    expect(byId.tensorflow!.fix).toContain('plumbline doctor --setup tensorflow');
    expect(byId.gpu).toMatchObject({ required: false, found: expect.any(String) });
    expect(checks.filter((check) => check.ok && check.fix !== '')).toEqual([]);
    expect(status).toBe(0);
  });

  it('checks what TensorRT needs, and asks for none of it', () => {
    const { checks } = JSON.parse(run('doctor', '--json').stdout) as { checks: { id: string; required: boolean }[] };
    const byId = Object.fromEntries(checks.map((check) => [check.id, check]));
    expect(byId.backends).toMatchObject({ found: expect.stringMatching(/^cpu.* in ONNX Runtime 1\./) });
    for (const id of ['backends', 'jetpack', 'tensorrt', 'tensorrt-pairing'])
      expect(byId[id]).toMatchObject({ required: false, found: expect.any(String) });
  });

  it('checks the onnxruntime-node that PLUMBLINE_ONNXRUNTIME names', () => {
    const env = { ...process.env, PLUMBLINE_ONNXRUNTIME: emptyCache, PLUMBLINE_CACHE: emptyCache };
    const { status, stdout } = spawnSync(process.execPath, [plumbline, 'doctor', '--json'], { encoding: 'utf8', env });
    const { checks } = JSON.parse(stdout) as { checks: { id: string; found: string }[] };
    const found = checks.find(({ id }) => id === 'onnxruntime-node')!.found;
    expect(found).toContain('does not load');
    expect(found).toContain(emptyCache);
    expect(status).toBe(1);
  });

  it('shows the same as text', () => {
    const { stdout } = run('doctor');
    expect(stdout).toMatch(/^ok +sharp +loads/m);
    expect(stdout).toMatch(/^absent +tensorflow +not set up in .*\n +For training on this machine/m);
  });

  it.each([
    [['--setup', 'opencv'], 'PLB_CLI_USAGE'],
    [['--from', 'some.whl'], 'PLB_CLI_USAGE'],
    [['--cuda'], 'PLB_CLI_USAGE'],
    [['--setup', 'tensorflow', '--from', '/nonexistent/some.whl'], 'PLB_TRAIN_SETUP_WHEEL_INVALID'],
    [['--setup', 'tensorflow'], 'PLB_TRAIN_SETUP_NO_COMPILER'],
  ])('refuses %j with %s', (args, code) => {
    const { status, stdout } = run('doctor', ...args, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ error: { code } });
    expect(status).toBe(2);
  });

  it.skipIf(hasNvidia)('refuses --cuda without an NVIDIA driver before it fetches anything', () => {
    const { status, stdout } = run('doctor', '--setup', 'tensorflow', '--cuda', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'PLB_TRAIN_SETUP_NO_NVIDIA_DRIVER' } });
    expect(status).toBe(2);
    expect(readdirSync(emptyCache)).toEqual([]);
  });
});
