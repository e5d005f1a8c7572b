import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { silentLogger } from '@plumbline/core/log';
import { createDaemon, loadLine, startDemoBroker } from '@plumbline/daemon';
import { afterEach, describe, expect, it } from 'vitest';
import { buildDaemon, createLineFolder, type LineFolder, redDetector, untilStatus } from './daemon-fixture.js';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function lineFolder(brokerUrl: string): Promise<LineFolder> {
  const folder = await createLineFolder(brokerUrl);
  cleanups.push(() => folder.remove());
  return folder;
}

async function broker(port = 0) {
  const started = await startDemoBroker(port);
  let isOpen = true;
  const close = async () => {
    if (isOpen) await started.close();
    isOpen = false;
  };
  cleanups.push(close);
  return { ...started, close };
}

async function listen(): Promise<Server & { port: number }> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  return Object.assign(server, { port: (server.address() as { port: number }).port });
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('a line with bad input', () => {
  it('names file, line and column of a wrong key in line.yaml', async () => {
    const folder = await lineFolder('mqtt://127.0.0.1:1');
    await folder.edit('framesPerSecond: 40', 'framesPerSecond: fast');
    expect(() => loadLine(folder.lineFile)).toThrow(`${folder.lineFile}:2:`);
  });

  it('names file, line and the accepted classes when a rule names a class that the model does not know', async () => {
    const folder = await lineFolder((await broker()).url);
    await folder.edit("anyOf: ['*']", "anyOf: ['open', 'scratch']");
    const daemon = buildDaemon(folder);
    await expect(daemon.start()).rejects.toMatchObject({
      code: 'PLB_DAEMON_RULE_CLASS_UNKNOWN',
      kind: 'input',
      message: `${folder.lineFile}:5:49: rule "any-defect" names the class "scratch", which the model does not know; it knows open, short and '*'`,
    });
    await expect(stat(join(folder.storeDir, 'api-token'))).rejects.toThrow(/ENOENT/); // all was stopped
  });

  it('names file, line and the model folder that is missing', async () => {
    const folder = await lineFolder((await broker()).url);
    const daemon = createDaemon({ setup: loadLine(folder.lineFile), logger: silentLogger });
    const missing = join(folder.dir, 'model', 'manifest.json');
    await expect(daemon.start()).rejects.toMatchObject({
      code: 'PLB_DAEMON_MODEL_UNUSABLE',
      kind: 'input',
      message: expect.stringContaining(`${folder.lineFile}:3:1: model: ${missing}`),
    });
  });

  it('names the port in use and what to do; the demo takes another one', async () => {
    const { port } = await listen();
    const folder = await lineFolder((await broker()).url);
    await folder.edit('port: 0', `port: ${port}`);
    await expect(buildDaemon(folder).start()).rejects.toMatchObject({
      code: 'PLB_DAEMON_PORT_IN_USE',
      message: `${folder.lineFile}: api.port ${port} on 127.0.0.1 is in use`,
    });
    const demo = buildDaemon(folder, { isDemo: true });
    await demo.start();
    expect(demo.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(demo.address).not.toContain(`:${port}`);
    await demo.stop();
  });

  it('names an address that is not of this machine', async () => {
    const folder = await lineFolder((await broker()).url);
    await folder.edit('host: 127.0.0.1', 'host: 203.0.113.7');
    await expect(buildDaemon(folder).start()).rejects.toMatchObject({ code: 'PLB_DAEMON_ADDRESS_INVALID' });
  });

  it('refuses a store that another daemon uses and leaves that one alone', async () => {
    const folder = await lineFolder((await broker()).url);
    const first = buildDaemon(folder);
    await first.start();
    await expect(buildDaemon(folder).start()).rejects.toMatchObject({ code: 'PLB_EDGE_OUTBOX_LOCKED' });
    expect((await stat(join(folder.storeDir, 'api-token'))).isFile()).toBe(true);
    await first.stop();
  });

  it('shows the page to nobody without the token when it listens on the network', async () => {
    const folder = await lineFolder((await broker()).url);
    await folder.edit('host: 127.0.0.1', 'host: 0.0.0.0');
    const daemon = buildDaemon(folder);
    await daemon.start();
    const token = (await readFile(join(folder.storeDir, 'api-token'), 'utf8')).trim();
    const refused = await fetch(`${daemon.address}/`);
    expect([refused.status, refused.headers.get('set-cookie')]).toEqual([401, null]);
    const shown = await fetch(`${daemon.address}/?token=${token}`);
    expect([shown.status, shown.headers.get('set-cookie')]).toEqual([200, expect.stringContaining(token)]);
    await daemon.stop();
  });

  it('serves no file outside the page', async () => {
    const folder = await lineFolder((await broker()).url);
    const daemon = buildDaemon(folder);
    await daemon.start();
    for (const path of ['/..%2f..%2fpackage.json', '/%2e%2e/%2e%2e/package.json', '/%00', '/%E0%A4%A']) {
      const response = await fetch(`${daemon.address}${path}`);
      expect(response.status, path).toBeGreaterThanOrEqual(400);
      expect(response.status, path).toBeLessThan(500);
    }
    await daemon.stop();
  });

  it('runs without a broker, shows how much is buffered, and delivers everything when it comes', async () => {
    const port = await freePort();
    const folder = await lineFolder(`mqtt://127.0.0.1:${port}`);
    const daemon = buildDaemon(folder);
    await daemon.start();
    const away = await untilStatus(daemon, (s) => s.state === 'degraded' && s.outbox.depth > 20);
    expect(away.problems).toMatchObject([
      { code: 'PLB_DAEMON_BROKER_AWAY', source: 'broker', message: expect.stringMatching(/\d+ records are buffered/) },
    ]);
    expect(away.problems[0]!.message).toContain(`127.0.0.1:${port}`);
    await broker(port);
    await untilStatus(daemon, (s) => s.broker.state === 'connected' && s.outbox.depth < 5 && s.problems.length === 0);
    await daemon.stop();
    const { published, inspected, outboxDepth } = daemon.summary();
    expect([published, outboxDepth]).toEqual([inspected, 0]);
  });

  it('keeps what it could not send for the next start', async () => {
    const port = await freePort();
    const folder = await lineFolder(`mqtt://127.0.0.1:${port}`);
    const daemon = buildDaemon(folder);
    await daemon.start();
    await untilStatus(daemon, (s) => s.counts.inspected > 10);
    await daemon.stop();
    const { inspected, published, outboxDepth } = daemon.summary();
    expect(published).toBe(0);
    expect(outboxDepth).toBeGreaterThanOrEqual(inspected);
    await broker(port);
    const next = buildDaemon(folder);
    await next.start();
    await untilStatus(next, (s) => s.outbox.published >= inspected);
    await next.stop();
  });

  it('counts a corrupt image, names it, and inspects the others', async () => {
    const folder = await lineFolder((await broker()).url);
    await writeFile(join(folder.images, '1b.png'), 'no picture');
    const daemon = buildDaemon(folder);
    await daemon.start();
    const status = await untilStatus(daemon, (s) => (s.counts.dropped.unreadable ?? 0) >= 2);
    await daemon.stop();
    expect(status.problems).toMatchObject([
      { code: 'PLB_EDGE_IMAGE_UNREADABLE', message: expect.stringContaining(join(folder.images, '1b.png')) },
    ]);
    expect(status.counts.triggerErrors).toBe(status.counts.dropped.unreadable);
    const { frames, inspected, dropped } = daemon.summary();
    expect(inspected).toBe(frames - dropped.unreadable! - (dropped.overrun ?? 0));
  });

  it('waits for an image folder that is missing and begins when it appears', async () => {
    const folder = await lineFolder((await broker()).url);
    await rename(folder.images, join(folder.dir, 'elsewhere'));
    const daemon = buildDaemon(folder);
    await daemon.start();
    const down = await untilStatus(daemon, (s) => s.problems.length > 0);
    expect(down.camera.state).toBe('down');
    expect(down.problems).toMatchObject([{ code: 'PLB_EDGE_SOURCE_UNREADABLE', source: 'camera' }]);
    await mkdir(folder.images, { recursive: true });
    await untilStatus(daemon, (s) => s.problems[0]?.code === 'PLB_EDGE_SOURCE_EMPTY');
    await rename(join(folder.dir, 'elsewhere'), folder.images);
    await untilStatus(daemon, (s) => s.camera.state === 'up' && s.problems.length === 0 && s.counts.inspected > 2);
    await daemon.stop();
  });

  it('ends a replay with the error when its folder is missing', async () => {
    const folder = await lineFolder((await broker()).url);
    const source = { kind: 'images' as const, path: '/nowhere', framesPerSecond: 1, loop: false };
    const daemon = buildDaemon(folder, { source, isLossless: true, hasNoHttp: true });
    await daemon.start();
    await expect(daemon.ended).rejects.toMatchObject({ code: 'PLB_EDGE_SOURCE_UNREADABLE' });
    await daemon.stop();
  });

  it('stops cleanly while the model is still loading', async () => {
    const folder = await lineFolder((await broker()).url);
    let loading!: () => void;
    const begun = new Promise<void>((resolve) => (loading = resolve));
    const daemon = buildDaemon(folder, {}, async () => {
      loading();
      await new Promise((resolve) => setTimeout(resolve, 100));
      return redDetector();
    });
    const starting = daemon.start();
    await begun;
    const stopping = Promise.all([daemon.stop(), daemon.stop()]);
    await expect(starting).rejects.toThrow(/abort/i);
    await stopping;
    expect(daemon.status().state).toBe('stopping');
    expect(daemon.address).toBeNull();
  });
});
