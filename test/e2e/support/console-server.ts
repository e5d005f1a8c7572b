import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { encodeFeedPicture, type FeedPictureHeader, type LineStatus } from '@plumbline/contract';
import { type WebSocket, WebSocketServer } from 'ws';
import { atTime, makeHeader, makeStatus } from './mock-line.js';

const MIME: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The policy under which the page must work: no inline script or style, no foreign connection. */
export const PAGE_CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HEARTBEAT_MS = 400;
const COOKIE = 'plumbline_session';

export interface Picture {
  header: FeedPictureHeader;
  jpeg: Uint8Array;
}

/**
 * Plays the daemon for a browser: serves the built renderer with the session cookie and speaks the feed of the contract.
 * The test moves the line by `setStatus`, `play`, `send`, `goSilent`, `goDown`.
 */
export class ConsoleServer {
  readonly seen = { origins: new Set<string>(), refused: 0, connections: 0 };
  #status: LineStatus = makeStatus();
  #ng: Picture[] = [];
  #last: Picture | null = null;
  #isDown = false;
  #isSilent = false;
  #heartbeat: NodeJS.Timeout | null = null;
  #player: NodeJS.Timeout | null = null;
  #sockets = new Set<WebSocket>();
  #session = randomUUID();

  private constructor(
    private readonly http: Server,
    private readonly feed: WebSocketServer,
    private readonly rendererDir: string,
    private token: string,
  ) {}

  /** @param options.token also accepted as `?token=`, as the desktop shell sends it */
  static async start(options: { rendererDir: string; token?: string }): Promise<ConsoleServer> {
    if (!existsSync(join(options.rendererDir, 'index.html'))) {
      throw new Error(`${options.rendererDir} has no index.html: run \`npm run build\` first`);
    }
    const http = createServer();
    const feed = new WebSocketServer({ noServer: true });
    const server = new ConsoleServer(http, feed, options.rendererDir, options.token ?? randomUUID());
    http.on('request', (request, response) => {
      void server.#serve(request).then(({ status, headers, body }) => {
        response.writeHead(status, headers);
        response.end(body);
      });
    });
    http.on('upgrade', (request, socket, head) => {
      if (server.#isDown || !server.#mayUpgrade(request)) {
        server.seen.refused += 1;
        socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
        return;
      }
      feed.handleUpgrade(request, socket, head, (client) => server.#connected(client, request));
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    server.#heartbeat = setInterval(() => server.#beat(), HEARTBEAT_MS);
    return server;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}`;
  }

  setStatus(status: LineStatus): void {
    this.#status = status;
    this.#beat();
  }
  /** Sends one frame or NG thumbnail as it is. */
  send(picture: Picture): void {
    if (picture.header.type === 'ng') this.#ng = [...this.#ng, picture].slice(-20);
    else this.#last = picture;
    this.#sendPicture(picture);
  }
  /** Repeats a frame with new ids and times, 10 per second, until `pausePlay`. */
  play(frame: Partial<FeedPictureHeader>, jpeg: Uint8Array): void {
    this.pausePlay();
    const next = () => this.send({ header: makeHeader(frame), jpeg });
    next();
    this.#player = setInterval(next, 100);
  }
  pausePlay(): void {
    if (this.#player) clearInterval(this.#player);
    this.#player = null;
  }
  /** Keeps the connections open and sends nothing more. */
  goSilent(): void {
    this.pausePlay();
    this.#isSilent = true;
  }
  /** Cuts all connections and refuses new ones until `comeBack`. */
  goDown(): void {
    this.pausePlay();
    this.#isDown = true;
    for (const socket of this.#sockets) socket.terminate();
  }
  comeBack(): void {
    this.#isDown = false;
    this.#isSilent = false;
  }
  /** As after a restart of the daemon: another token for the shell. */
  useToken(token: string): void {
    this.token = token;
  }
  /** As after a restart of the daemon: the cookie of the open page is worth nothing any more. */
  renewSession(): void {
    this.#session = randomUUID();
  }
  /** Sends a text message that may break the contract. */
  sendText(text: string): void {
    for (const socket of this.#sockets) socket.send(text);
  }

  async close(): Promise<void> {
    this.pausePlay();
    if (this.#heartbeat) clearInterval(this.#heartbeat);
    for (const socket of this.#sockets) socket.terminate();
    this.feed.close();
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
  }

  #mayUpgrade(request: IncomingMessage): boolean {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname !== '/api/feed') return false;
    const hasCookie = (request.headers.cookie ?? '').includes(`${COOKIE}=${this.#session}`);
    return hasCookie || url.searchParams.get('token') === this.token;
  }
  #connected(client: WebSocket, request: IncomingMessage): void {
    this.seen.connections += 1;
    this.seen.origins.add(request.headers.origin ?? '');
    this.#sockets.add(client);
    client.on('close', () => this.#sockets.delete(client));
    if (this.#isSilent) return;
    client.send(this.#statusText());
    for (const picture of this.#ng) client.send(encodeFeedPicture(picture.header, picture.jpeg));
    if (this.#last) client.send(encodeFeedPicture(this.#last.header, this.#last.jpeg));
  }
  #beat(): void {
    if (this.#isSilent) return;
    for (const socket of this.#sockets) socket.send(this.#statusText());
  }
  #statusText(): string {
    return JSON.stringify({ type: 'status', status: atTime(this.#status, Date.now()) });
  }
  #sendPicture(picture: Picture): void {
    if (this.#isSilent) return;
    const message = encodeFeedPicture(picture.header, picture.jpeg);
    for (const socket of this.#sockets) socket.send(message);
  }
  async #serve(
    request: IncomingMessage,
  ): Promise<{ status: number; headers: Record<string, string>; body: Buffer | string }> {
    const path = normalize(new URL(request.url ?? '/', 'http://localhost').pathname);
    const file = join(this.rendererDir, path === '/' ? 'index.html' : path);
    const type = MIME[extname(file)];
    const headers: Record<string, string> = { 'Content-Security-Policy': PAGE_CSP, 'Cache-Control': 'no-store' };
    if (!type || !file.startsWith(this.rendererDir)) return { status: 404, headers, body: 'not found' };
    try {
      const body = await readFile(file);
      if (extname(file) === '.html')
        headers['Set-Cookie'] = `${COOKIE}=${this.#session}; HttpOnly; SameSite=Strict; Path=/`;
      return { status: 200, headers: { ...headers, 'Content-Type': type }, body };
    } catch {
      return { status: 404, headers, body: 'not found' };
    }
  }
}
