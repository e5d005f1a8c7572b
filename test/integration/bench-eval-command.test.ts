import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runPlumbline } from '../fixtures/run-plumbline.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-bench-'));
});
afterAll(() => rm(dir, { recursive: true }));

/** An interpreter that answers for each package as the measuring script does. */
async function fakePython(answers: Record<string, object>): Promise<string> {
  const file = join(dir, 'python');
  const cases = Object.entries(answers).map(([peer, answer]) => `  ${peer}) echo '${JSON.stringify(answer)}';;`);
  await writeFile(file, `#!/bin/sh\ncase "$3" in\n${cases.join('\n')}\nesac\n`);
  await chmod(file, 0o755);
  return file;
}

const bench = (...args: string[]) => runPlumbline('bench', 'eval', '--images', '60', ...args);

describe('plumbline bench eval', () => {
  it('times itself and each peer that is there, and compares the figures', async () => {
    const stats = new Array(12).fill(2);
    const python = await fakePython({
      pycocotools: { version: '9.1', loadSeconds: 30, evaluateSeconds: 60, stats },
      'faster-coco-eval': { missing: 'No module named faster_coco_eval' },
    });
    const { exitCode, stdout, stderr } = await bench('--python', python, '--json', '--repeat', '2');
    expect(exitCode).toBe(0);
    const { rows, hardware } = JSON.parse(stdout);
    expect(hardware.cpu).toBeTruthy();
    const named = (name: string) => rows.find((row: { name: string }) => row.name === name);
    const [own, pycocotools, faster, hotcoco] = ['plumbline', 'pycocotools', 'faster-coco-eval', 'hotcoco'].map(named);
    const threads = availableParallelism();
    if (threads > 1) expect(named(`plumbline, ${threads} threads`).maxDifference).toBe(0);
    expect(own).toMatchObject({ name: 'plumbline', ratio: 1, maxDifference: 0 });
    expect(own.totalSeconds).toBeCloseTo(own.loadSeconds + own.evaluateSeconds, 9);
    expect(own.maxRssMb).toBeGreaterThan(10);
    expect(pycocotools).toMatchObject({ version: '9.1', totalSeconds: 90 });
    expect(pycocotools.ratio).toBeCloseTo(90 / own.totalSeconds, 6);
    expect(pycocotools.maxDifference).toBeGreaterThan(1);
    expect(faster).toEqual({ name: 'faster-coco-eval', missing: 'No module named faster_coco_eval' });
    expect(hotcoco.missing).toContain('printed no result');
    expect(stderr).toContain('faster-coco-eval left out');
    const text = await bench('--python', python);
    expect(text.stdout).toMatch(/plumbline +0\.\d\d/);
    expect(text.stdout).toMatch(/pycocotools 9\.1 +30\.00 +60\.00 +90\.00/);
  }, 60_000);

  it('works without Python', async () => {
    const { exitCode, stdout } = await bench('--python', join(dir, 'nowhere'), '--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout).rows.at(-1).missing).toContain('ENOENT');
  }, 60_000);

  it('refuses half a pair of files', async () => {
    const { exitCode, stderr } = await bench('--gt', 'a.json');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('one of --gt and --dt is missing');
  });
});
