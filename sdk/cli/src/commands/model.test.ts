import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCli } from '../program.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'plumbline-describe-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => (out += text) !== '');
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => (err += text) !== '');
  try {
    return { code: await runCli(['node', 'plumbline', 'model', 'describe', ...args]), out, err };
  } finally {
    stdout.mockRestore();
    stderr.mockRestore();
  }
}

const config = 'imageSizeHw: [64, 64]\nmodel: { kind: faster, regressors: 1, head: { shared: true } }\n';

describe('plumbline model describe', () => {
  it('counts one configuration at the size, proposals and classes that are asked for', async () => {
    const file = join(dir, 'train.yaml');
    writeFileSync(file, config);
    const smallest = JSON.parse((await run(file, '--classes', '6', '--json')).out).configurations;
    expect(smallest).toMatchObject([
      { name: file, classes: 6, sizeHw: [800, 1280], proposals: 1000, parameters: { total: 28_305_006 } },
    ]);
    const half = JSON.parse((await run(file, '--size', '640x400', '--proposals', '500', '--json')).out);
    const [{ classes, sizeHw, parts }] = half.configurations;
    expect({ classes, sizeHw }).toEqual({ classes: 80, sizeHw: [400, 640] });
    const [{ parts: whole }] = JSON.parse((await run(file, '--json')).out).configurations;
    expect(parts.heads.macs).toBe(whole.heads.macs / 2);
    expect((await run(file)).out).toContain('stage1.shared_fcs: 13,895,680 parameters, 13.894 M MAC a region');
    expect(parts.backbone.macs / whole.backbone.macs).toBeCloseTo(0.25, 2);
  });

  it("lists the paper's networks, and the models and recipes of a folder", async () => {
    mkdirSync(join(dir, 'nano'));
    mkdirSync(join(dir, 'recipes'));
    const files = [join(dir, 'nano', 'train.yaml'), join(dir, 'recipes', 'coco.yaml')];
    for (const file of files) writeFileSync(file, config);
    const { code, out } = await run('--all', '--models', dir);
    expect(code).toBe(0);
    for (const file of files) expect(out).toContain(`${file}  `);
    expect(out).toMatch(/^decoupled-n3-r50 +83,448,296 +83,222,952 +248\.0 /m);
    const { configurations } = JSON.parse((await run('--all', '--models', join(dir, 'absent'), '--json')).out);
    expect(configurations.map(({ name }: { name: string }) => name)).not.toContain(files[0]);
  });

  it('refuses a size that is none, and neither or both of file and --all', async () => {
    const file = join(dir, 'train.yaml');
    writeFileSync(file, config);
    expect(await run(file, '--size', '1280')).toMatchObject({
      code: 2,
      err: expect.stringContaining('PLB_CLI_USAGE: --size is "1280"'),
    });
    expect((await run()).code).toBe(2);
    expect((await run(file, '--all')).code).toBe(2);
  });

  it('names the setting of a backbone that cannot be built', async () => {
    const file = join(dir, 'train.yaml');
    writeFileSync(file, 'imageSizeHw: [64, 64]\nmodel:\n  backbone:\n    groups: 4\n');
    const { code, err } = await run(file);
    expect(code).toBe(2);
    expect(err).toContain(`${file}:4:`);
    expect(err).toContain('a basic block has no groups');
  });
});
