import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runPlumbline } from '../fixtures/run-plumbline.js';
import { demoBoards } from '../fixtures/tiny-training.js';

const nano = join(import.meta.dirname, '../../models/pcb-defects-nano');
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-bench-quantize-'));
  // Leaves the graph float: its AP is that of the float model.
  await writeFile(
    join(dir, 'peer.mjs'),
    `import { copyFileSync, existsSync, readFileSync } from 'node:fs';
const job = JSON.parse(readFileSync(0, 'utf8'));
if (!job.images.every((path) => existsSync(path)) || !job.nodes.includes('backbone.conv1')) process.exit(3);
copyFileSync(job.model, job.out);
console.log(JSON.stringify({ version: \`copy \${job.method} \${job.images.length} \${job.input}\`, seconds: 100 }));`,
  );
});
afterAll(() => rm(dir, { recursive: true }));

describe('plumbline bench quantize', () => {
  it('times its own quantizer and sets peers beside it, evaluated on the same images', async () => {
    const { exitCode, stdout } = await runPlumbline(
      ...['bench', 'quantize', '--model', nano, '--data', demoBoards, '--gate-data', demoBoards, '--images', '4'],
      ...['--peer', `${process.execPath} ${join(dir, 'peer.mjs')}`, '--peer', 'echo no model >&2; exit 4', '--json'],
    );
    expect(exitCode).toBe(0);
    const { images, method, seconds, ap, peers, hardware } = JSON.parse(stdout);
    expect({ images, method }).toEqual({ images: 4, method: 'minmax' });
    expect(seconds.total).toBeCloseTo(seconds.fold + seconds.calibrate + seconds.write, 6);
    expect(ap).toBeGreaterThan(0.5);
    const [copy, missing] = peers;
    expect(copy).toMatchObject({ version: 'copy minmax 4 frame', seconds: 100 });
    expect(copy.ratio).toBeCloseTo(100 / seconds.total, 6);
    expect(copy.ap).not.toBe(ap);
    expect(copy.ap).toBeGreaterThan(0.5);
    expect(missing).toEqual({ command: 'echo no model >&2; exit 4', missing: 'no model' });
    expect(hardware.node).toBe(process.versions.node);
  }, 120_000);
});
