import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeFeedPicture, feedStatusMessageSchema, lineStatusSchema } from '@plumbline/contract';
import { type Daemon, startDemoBroker } from '@plumbline/daemon';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { buildDaemon, createLineFolder, type LineFolder, untilStatus } from './daemon-fixture.js';

let broker: Awaited<ReturnType<typeof startDemoBroker>>;
let folder: LineFolder;
let daemon: Daemon;
let address: string;
let token: string;

beforeAll(async () => {
  broker = await startDemoBroker(0);
  folder = await createLineFolder(broker.url);
  daemon = buildDaemon(folder);
  await daemon.start();
  address = daemon.address!;
  token = (await readFile(join(folder.storeDir, 'api-token'), 'utf8')).trim();
  await untilStatus(daemon, (s) => s.counts.inspected > 50);
});
afterAll(async () => {
  await daemon.stop();
  await broker.close();
  await folder.remove();
});

const bearer = () => ({ authorization: `Bearer ${token}` });

interface Feed {
  texts: string[];
  pictures: ArrayBuffer[];
  closed: Promise<number>;
  socket: WebSocket;
}

function openFeed(headers: Record<string, string> = {}, query = ''): Feed {
  const socket = new WebSocket(`${address.replace('http', 'ws')}/api/feed${query}`, { headers });
  socket.binaryType = 'arraybuffer';
  const feed: Feed = {
    texts: [],
    pictures: [],
    socket,
    closed: new Promise((resolve) => {
      socket.on('unexpected-response', (_request, response) => {
        resolve(response.statusCode!);
        socket.terminate();
      });
      socket.on('error', () => {});
      socket.on('close', (code) => resolve(code));
    }),
  };
  socket.on('message', (data, isBinary) => {
    if (isBinary) feed.pictures.push(data as ArrayBuffer);
    else feed.texts.push(data.toString());
  });
  return feed;
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 8000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it did not happen within 8 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('the HTTP side of a daemon', () => {
  it('keeps its token in a file of mode 0600', async () => {
    expect((await stat(join(folder.storeDir, 'api-token'))).mode & 0o777).toBe(0o600);
  });

  it('serves a status that fits the contract to whoever has the token', async () => {
    const response = await fetch(`${address}/api/status`, { headers: bearer() });
    const status = lineStatusSchema.parse(await response.json());
    expect(status).toMatchObject({
      lineId: 'pcb-1',
      state: 'running',
      model: { id: 'red-finder', classes: ['open', 'short'] },
      camera: { state: 'up' },
      broker: { state: 'connected', protocol: 'MQTT 3.1.1' },
      problems: [],
    });
    expect(status.pareto[0]!.class).toBe('open');
    expect(status.yieldTrend.length).toBeGreaterThan(0);
    expect(status.latencyMs!.p50).toBeGreaterThan(0);
    expect(status.disk.freeBytes).toBeGreaterThan(0);
    expect(status.camera.framesPerSecond).toBeGreaterThan(20);
  });

  it('refuses the API without a token, with a wrong one, from another page and under another name', async () => {
    const code = async (path: string, headers: Record<string, string>) => {
      const response = await fetch(`${address}${path}`, { headers });
      const body = (await response.json()) as { error?: { code: string } };
      return [response.status, body.error?.code];
    };
    expect(await code('/api/status', {})).toEqual([401, 'PLB_DAEMON_UNAUTHORIZED']);
    expect(await code('/api/status?token=wrong', {})).toEqual([401, 'PLB_DAEMON_UNAUTHORIZED']);
    expect(await code('/api/status', { ...bearer(), origin: 'http://evil.example' })).toEqual([
      403,
      'PLB_DAEMON_ORIGIN_REFUSED',
    ]);
    expect(await code('/nowhere', bearer())).toEqual([404, 'PLB_DAEMON_NOT_FOUND']);
    expect((await fetch(`${address}/api/status?token=${token}`)).status).toBe(200);
  });

  it('gives the page a cookie that scripts cannot read, and the cookie opens the API', async () => {
    const page = await fetch(`${address}/`);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toContain('text/html');
    const cookie = page.headers.get('set-cookie')!;
    expect(cookie).toMatch(/^plumbline_token_\d+=[\w-]+; Path=\/; HttpOnly; SameSite=Strict$/);
    const status = await fetch(`${address}/api/status`, { headers: { cookie: cookie.split(';')[0]! } });
    expect(status.status).toBe(200);
  });

  it('sends a strict content security policy with everything', async () => {
    for (const path of ['/', '/healthz', '/nowhere']) {
      const { headers } = await fetch(`${address}${path}`);
      const policy = headers.get('content-security-policy')!;
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toContain('unsafe');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  it('lets the desktop console in from its own origin', async () => {
    const preflight = await fetch(`${address}/api/status`, {
      method: 'OPTIONS',
      headers: { origin: 'app://console', 'access-control-request-headers': 'authorization' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('app://console');
    const status = await fetch(`${address}/api/status`, { headers: { ...bearer(), origin: 'app://console' } });
    expect(status.headers.get('access-control-allow-origin')).toBe('app://console');
  });

  it('is healthy and lists its services', async () => {
    const response = await fetch(`${address}/healthz`);
    const body = (await response.json()) as { state: string; services: { name: string; state: string }[] };
    expect(response.status).toBe(200);
    expect(body.services.map((s) => [s.name, s.state])).toEqual(
      [
        'http',
        'outbox',
        'token-file',
        'disk-watch',
        'publisher',
        'event-log',
        'operator-feed',
        'detector',
        'inspection',
      ].map((name) => [name, 'ok']),
    );
  });

  it('serves every metric under its stable name', async () => {
    const text = await (await fetch(`${address}/metrics`)).text();
    const value = (line: string) => Number(text.match(new RegExp(`^${line} (.+)$`, 'm'))?.[1]);
    expect(value('plumbline_frames_total')).toBeGreaterThan(50);
    expect(value('plumbline_frames_dropped_total\\{reason="overrun"\\}')).toBeGreaterThanOrEqual(0);
    expect(value('plumbline_verdicts_total\\{evaluation="NotOK"\\}')).toBeGreaterThan(20);
    expect(value('plumbline_results_published_total')).toBeGreaterThan(20);
    expect(value('plumbline_outbox_depth')).toBeGreaterThanOrEqual(0);
    expect(value('plumbline_stage_seconds_count\\{stage="inference"\\}')).toBeGreaterThan(50);
    expect(value('plumbline_camera_up')).toBe(1);
    expect(value('plumbline_broker_up')).toBe(1);
  });
});

describe('the operator feed', () => {
  it('sends the status at once and every second, then pictures with the boxes of that very frame', async () => {
    const feed = openFeed(bearer());
    await until(() => feed.texts.length >= 2 && feed.pictures.length >= 25);
    feed.socket.close();
    for (const text of feed.texts) expect(feedStatusMessageSchema.parse(JSON.parse(text)).status.lineId).toBe('pcb-1');
    for (const message of feed.pictures) {
      const { header, jpeg } = decodeFeedPicture(message);
      const pixels = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
      expect(header.image).toEqual({ width: 40, height: 30 });
      expect(header.preview).toEqual({ width: pixels.info.width, height: pixels.info.height });
      // A red picture has its box, a green one has none: picture and boxes never mix.
      const isRed = pixels.data[0]! > 128;
      expect(header.detections).toHaveLength(isRed ? 1 : 0);
      expect(header.resultEvaluation).toBe(isRed ? 2 : 1);
      if (header.type === 'ng') expect(isRed).toBe(true);
    }
  });

  it('brings the last 20 NotOK parts to a new console, oldest first', async () => {
    await untilStatus(daemon, (s) => s.counts.notOk >= 40);
    const feed = openFeed(bearer());
    await until(() => feed.pictures.length >= 21);
    feed.socket.close();
    const first = feed.pictures.slice(0, 20).map((message) => decodeFeedPicture(message).header);
    expect(first.map((header) => header.type)).toEqual(Array(20).fill('ng'));
    const seqs = first.map((header) => Number(header.seq));
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
  });

  it('sends no more than about 15 frames a second', async () => {
    const feed = openFeed(bearer());
    await new Promise((resolve) => setTimeout(resolve, 1500));
    feed.socket.close();
    const frames = feed.pictures.filter((message) => decodeFeedPicture(message).header.type === 'frame');
    expect(frames.length).toBeGreaterThan(8);
    expect(frames.length).toBeLessThanOrEqual(24);
  });

  it('refuses consoles without a token and pages from elsewhere', async () => {
    expect(await openFeed().closed).toBe(401);
    expect(await openFeed({ ...bearer(), origin: 'http://evil.example' }).closed).toBe(403);
    expect(await openFeed({ ...bearer(), host: 'evil.example' }).closed).toBe(403);
    const allowed = openFeed({ origin: address }, `?token=${token}`);
    await until(() => allowed.texts.length > 0);
    allowed.socket.close();
    await allowed.closed;
  });
});
