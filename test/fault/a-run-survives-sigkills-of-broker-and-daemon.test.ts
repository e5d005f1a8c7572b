import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Mosquitto, mosquittoMissing, mosquittoProgram } from '../fixtures/mosquitto.js';
import { runPlumbline } from '../fixtures/run-plumbline.js';
import { startReader, until } from '../fixtures/station.js';
import { buildDaemon, createLineFolder } from '../integration/daemon-fixture.js';
import { tinyConfig, writeRandomCheckpoint } from '../integration/random-checkpoint.js';

if (!mosquittoProgram) console.warn(mosquittoMissing);

const plumblined = join(import.meta.dirname, '../../apps/daemon/dist/main.js');

/** A line at 40 frames a second that waits for the acknowledgement of the MES. */
async function line(brokerUrl: string) {
  const folder = await createLineFolder(brokerUrl);
  onTestFinished(() => folder.remove());
  await folder.edit('line1/aoi }', 'line1/aoi, ack: true }');
  return folder;
}

describe.skipIf(!mosquittoProgram)('a run of the whole line', () => {
  it('delivers every verdict once although the broker is killed five times', { timeout: 120_000 }, async () => {
    const broker = await Mosquitto.start();
    const { subscriber, ids } = startReader(broker.url, { consumer: 'mes-1' });
    const daemon = buildDaemon(await line(broker.url));
    onTestFinished(() => daemon.stop());
    await daemon.start();
    for (let kill = 0; kill < 5; kill++) {
      const before = ids.length;
      await until('records flow', () => ids.length > before + 40, 30_000);
      await broker.kill();
      await new Promise((resolve) => setTimeout(resolve, 200));
      await broker.run();
    }
    await until('the MES is back', () => daemon.status().outbox.depth < 10, 60_000);
    await daemon.stop();
    const { inspected, published, outboxDepth } = daemon.summary();
    expect(outboxDepth).toBe(0);
    expect(published).toBe(inspected);
    expect(new Set(ids).size).toBe(ids.length);
    // As many as were stored, each once and without a hole: the same ids on both sides.
    expect(subscriber.stats()).toMatchObject({ received: inspected, gaps: 0, missing: 0, conflicts: 0, invalid: 0 });
    expect(ids).toHaveLength(Number(daemon.status().outbox.lastSeq));
  });

  it('goes on without a hole after the daemon itself was killed three times', { timeout: 120_000 }, async () => {
    const models = await mkdtemp(join(tmpdir(), 'plumbline-models-'));
    onTestFinished(() => rm(models, { recursive: true }));
    writeRandomCheckpoint(join(models, 'checkpoint'), tinyConfig, ['open', 'short']);
    const exported = await runPlumbline(
      'export',
      '--checkpoint',
      join(models, 'checkpoint'),
      '--out',
      join(models, 'm'),
    );
    expect(exported.exitCode, exported.stderr).toBe(0);
    const broker = await Mosquitto.start();
    const { subscriber, ids } = startReader(broker.url);
    const folder = await line(broker.url);
    await folder.edit('./model', join(models, 'm'));
    const start = () => spawn(process.execPath, [plumblined, '--line', folder.lineFile], { stdio: 'ignore' });
    for (let kill = 0; kill < 3; kill++) {
      const before = ids.length;
      const daemon = start();
      const exited = once(daemon, 'exit');
      await until('records flow', () => ids.length > before + 20, 30_000);
      daemon.kill('SIGKILL');
      await exited;
    }
    const last = start();
    const exited = once(last, 'exit');
    const before = ids.length;
    await until('records flow', () => ids.length > before + 20, 30_000);
    last.kill('SIGTERM');
    expect((await exited)[0]).toBe(0);
    expect(new Set(ids).size).toBe(ids.length);
    // One epoch, one numbering over all four lives, nothing missing in it.
    expect(subscriber.stats()).toMatchObject({ gaps: 0, missing: 0, conflicts: 0, invalid: 0 });
  });
});
