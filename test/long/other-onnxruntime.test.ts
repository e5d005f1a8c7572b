import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** The release that Jetson builds are pinned to (firmware-configs/system/jetson). */
const pinned = '1.25.1';
const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const dir = mkdtempSync(join(tmpdir(), 'plumbline-other-onnxruntime-'));
const folder = join(dir, 'node_modules/onnxruntime-node');

// Without its install script, which would fetch the libraries for NVIDIA cards.
beforeAll(async () => {
  const args = ['install', `onnxruntime-node@${pinned}`, '--prefix', dir, '--no-save', '--ignore-scripts'];
  await run('npm', [...args, '--onnxruntime-node-install=skip', '--no-audit', '--no-fund']);
}, 120_000);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Found {
  version: string;
  boxes: number[];
  scores: number[];
}

/** What the shipped model finds on a board of the demo, in a process of its own: it holds one onnxruntime only. */
async function detect(env: NodeJS.ProcessEnv): Promise<Found> {
  const script = `
    import { readImageRgb } from '@plumbline/data/dataset';
    import { createDetector } from '@plumbline/runtime/detector';
    import { onnxRuntimeVersion } from '@plumbline/runtime/session';
    const image = await readImageRgb('firmware-configs/lines/demo/boards/images/00041015.jpg');
    const detector = await createDetector({ modelDir: 'models/pcb-defects-nano', threads: 2 });
    const { detections } = await detector.detect(image);
    await detector.dispose();
    const boxes = detections.flatMap(({ boxXyxy }) => [...boxXyxy]);
    const scores = detections.map(({ score }) => score);
    process.stdout.write(JSON.stringify({ version: onnxRuntimeVersion(), boxes, scores }));`;
  const args = ['--input-type=module', '--eval', script];
  const { stdout } = await run(process.execPath, args, { cwd: root, env: { ...process.env, ...env } });
  return JSON.parse(stdout);
}

const largest = (a: number[], b: number[]) => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));

describe('an onnxruntime-node of another release, named by PLUMBLINE_ONNXRUNTIME', () => {
  it('finds the boxes that the own one finds', async () => {
    const own = await detect({ PLUMBLINE_ONNXRUNTIME: '' });
    const other = await detect({ PLUMBLINE_ONNXRUNTIME: folder });
    expect(own.version).not.toBe(pinned);
    expect(other.version).toBe(pinned);
    expect(own.scores.length).toBeGreaterThan(0);
    expect(other.scores).toHaveLength(own.scores.length);
    const differences = { px: largest(own.boxes, other.boxes), score: largest(own.scores, other.scores) };
    process.stdout.write(
      `${own.scores.length} detections, ${own.version} and ${pinned}: ${JSON.stringify(differences)}\n`,
    );
    expect(differences.px).toBeLessThan(0.01);
    expect(differences.score).toBeLessThan(1e-4);
  }, 60_000);
});
