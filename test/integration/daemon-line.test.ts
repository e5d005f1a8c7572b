import { createServer } from 'node:net';
import { availabilitySchema, eventSchema, resultSchema, type VisionResult } from '@plumbline/contract';
import { startDemoBroker } from '@plumbline/daemon';
import mqtt from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { buildDaemon, createLineFolder, redDetector, untilStatus } from './daemon-fixture.js';

const base = 'acme/berlin/smt/line1/aoi/_vision_v1';
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

/** Broker, line folder and a client that notes every message. */
async function stage(framesPerSecond?: number) {
  const broker = await startDemoBroker(0);
  cleanups.push(() => broker.close());
  const folder = await createLineFolder(broker.url, framesPerSecond);
  cleanups.push(() => folder.remove());
  const client = await mqtt.connectAsync(broker.url);
  cleanups.push(() => client.endAsync(true));
  const messages: { topic: string; body: unknown }[] = [];
  client.on('message', (topic, payload) => messages.push({ topic, body: JSON.parse(payload.toString()) }));
  await client.subscribeAsync(`${base}/#`, { qos: 1 });
  const bodies = (suffix: string) => messages.filter((m) => m.topic === `${base}/${suffix}`).map((m) => m.body);
  return { broker, folder, bodies };
}

describe('a line from images to MQTT', () => {
  it('publishes every inspected frame once, without a gap, and drains when it is stopped', async () => {
    const { folder, bodies } = await stage();
    const daemon = buildDaemon(folder);
    await daemon.start();
    await untilStatus(daemon, (s) => s.counts.inspected >= 30 && s.broker.state === 'connected');
    await daemon.stop();
    const summary = daemon.summary();
    const results = bodies('result').map((body) => resultSchema.parse(body)) as VisionResult[];
    const events = bodies('event').map((body) => eventSchema.parse(body));

    expect(summary.inspected).toBeGreaterThanOrEqual(30);
    expect(results).toHaveLength(summary.inspected);
    expect(new Set(results.map((r) => r.resultId)).size).toBe(results.length);
    const seqs = [...results, ...events].map((r) => Number(r.seq)).sort((a, b) => a - b);
    expect(seqs).toEqual(seqs.map((_, i) => i + 1));
    expect(summary).toMatchObject({ published: summary.inspected, verdicts: summary.inspected, outboxDepth: 0 });

    const red = results.filter((r) => /-(0|2)$/.test(r.resultContent!.frameId));
    expect(red.length).toBeGreaterThan(5);
    for (const result of results) {
      expect(result.resultEvaluation).toBe(red.includes(result) ? 2 : 1);
      expect(result.resultState).toBe(1);
    }
    expect(red[0]!.resultContent!.detections).toMatchObject([
      { class: 'open', confidence: 0.9, bbox: { x: 4, y: 6, width: 10, height: 20 } },
    ]);
    expect(events.map((e) => e.type)).toContain('job_started');
  });

  it('says online, what it does, and offline', async () => {
    const { folder, bodies } = await stage();
    const daemon = buildDaemon(folder);
    await daemon.start();
    await untilStatus(daemon, (s) => s.state === 'running' && s.counts.inspected > 3 && s.broker.state === 'connected');
    await daemon.stop();
    const availability = bodies('availability').map((body) => availabilitySchema.parse(body).state);
    expect(availability[0]).toBe('online');
    expect(availability.at(-1)).toBe('offline');
    expect(bodies('state').map((body) => (body as { state: string }).state)).toContain('ContinuousExecution');
  });

  it('reports a part that could not be inspected as failed, never as OK', async () => {
    const { folder, bodies } = await stage();
    let count = 0;
    const daemon = buildDaemon(folder, {}, async () =>
      redDetector(() => {
        if (++count === 2) throw new Error('out of memory');
      }),
    );
    await daemon.start();
    await untilStatus(daemon, (s) => s.counts.inspected >= 4 && s.broker.state === 'connected');
    await daemon.stop();
    const failed = bodies('result')
      .map((body) => resultSchema.parse(body))
      .filter((r) => r.resultState === 4);
    expect(failed).toMatchObject([{ resultEvaluation: 0, resultEvaluationCode: 'PLB_UNEXPECTED' }]);
    expect(daemon.summary().evaluations.failed).toBe(1);
  });

  it('counts what it drops when inspection is slower than the source, and says so', async () => {
    const { folder } = await stage(200);
    const daemon = buildDaemon(folder, {}, async () =>
      redDetector(() => new Promise((resolve) => setTimeout(resolve, 50))),
    );
    await daemon.start();
    const status = await untilStatus(daemon, (s) => (s.counts.dropped.overrun ?? 0) > 10);
    await daemon.stop();
    expect(status.problems.map((p) => p.code)).toContain('PLB_DAEMON_FRAMES_DROPPED');
    const { frames, inspected, dropped } = daemon.summary();
    expect(frames).toBe(inspected + dropped.overrun!);
  });

  it('passes the providers of line.yaml on, and shows one that is not used as a problem', async () => {
    const { folder } = await stage();
    await folder.edit('store:', 'runtime: { executionProviders: [tensorrt, cpu] }\nstore:');
    const attempts = [
      { provider: 'tensorrt', isUsed: false, reason: 'the engine beside the model is stale: model changed' },
      { provider: 'cpu', isUsed: true },
    ];
    let asked: readonly string[] | undefined;
    const daemon = buildDaemon(folder, {}, async ({ executionProviders }) => {
      asked = executionProviders;
      const detector = redDetector();
      return { ...detector, info: { ...detector.info, providerAttempts: attempts } };
    });
    await daemon.start();
    const { problems } = await untilStatus(daemon, (s) => s.counts.inspected > 0);
    await daemon.stop();
    expect(asked).toEqual(['tensorrt', 'cpu']);
    expect(problems.filter(({ source }) => source === 'provider')).toMatchObject([
      { code: 'PLB_RUNTIME_PROVIDER_UNAVAILABLE', message: expect.stringContaining('stale: model changed') },
    ]);
  });

  it('replays every image once, however slow the inspection is, and then has ended', async () => {
    const { folder, bodies } = await stage(1000);
    const source = { kind: 'images' as const, path: folder.images, framesPerSecond: 1000, loop: false };
    const daemon = buildDaemon(folder, { source, isLossless: true, hasNoHttp: true }, async () =>
      redDetector(() => new Promise((resolve) => setTimeout(resolve, 30))),
    );
    await daemon.start();
    await daemon.ended;
    await daemon.stop();
    expect(daemon.address).toBeNull();
    expect(daemon.summary()).toMatchObject({ frames: 4, inspected: 4, dropped: {}, published: 4 });
    expect(bodies('result').map((b) => (b as VisionResult).resultContent!.frameId)).toEqual([
      '0-0',
      '1-1',
      '2-2',
      '3-3',
    ]);
  });

  it('takes another port for the demo broker when the wanted one is in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const broker = await startDemoBroker(port);
    expect(broker.url).toMatch(/^mqtt:\/\/127\.0\.0\.1:\d+$/);
    expect(broker.url).not.toContain(`:${port}`);
    await broker.close();
    await new Promise((resolve) => taken.close(resolve));
  });
});
