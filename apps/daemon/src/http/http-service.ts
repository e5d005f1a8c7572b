import type { AddressInfo } from 'node:net';
import fastifyStatic from '@fastify/static';
import fastifyWebsocket from '@fastify/websocket';
import { type Health, type LineStatus, PlumblineError, type Service, toErrorReport } from '@plumbline/contract';
import type { Logger } from '@plumbline/core/log';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Registry } from 'prom-client';
import type { WebSocket } from 'ws';
import { type Access, type AccessRequest, desktopOrigin } from './access.js';
import { findRendererFolder, missingRendererPage } from './renderer-folder.js';

export interface HttpServiceOptions {
  lineFile: string;
  host: string;
  port: number;
  /** Take any free port when the wanted one is in use. */
  allowsOtherPort: boolean;
  access: Access;
  logger: Logger;
  metrics: Registry;
  status: () => LineStatus;
  services: () => readonly Service[];
  onFeedClient: (socket: WebSocket) => void;
  /** null: no built page; found by itself when absent. */
  rendererFolder?: string | null;
}

/** No inline script or style, nothing from elsewhere, in no frame. */
const securityHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
} as const;

const statusOf: Record<string, number> = {
  PLB_DAEMON_UNAUTHORIZED: 401,
  PLB_DAEMON_ORIGIN_REFUSED: 403,
  PLB_DAEMON_HOST_REFUSED: 403,
  PLB_DAEMON_NOT_FOUND: 404,
};

/** Console page, API, health and metrics. Loopback by default; see {@link Access} for who gets in. */
export class HttpService implements Service {
  readonly name = 'http';
  readonly stopTimeoutMs = 3_000;
  private server: FastifyInstance | null = null;
  private port = 0;

  constructor(private readonly options: HttpServiceOptions) {}

  /** @throws {PlumblineError} PLB_DAEMON_PORT_IN_USE, PLB_DAEMON_ADDRESS_INVALID */
  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const server = await this.build();
    try {
      await this.listen(server);
      signal.throwIfAborted();
    } catch (error) {
      await server.close();
      throw error;
    }
    this.server = server;
  }

  async stop(): Promise<void> {
    const server = this.server;
    this.server = null;
    await server?.close();
  }

  health(): Health {
    return { state: this.server ? 'ok' : 'stopped' };
  }

  /** Address to open, for example http://127.0.0.1:8080; null while not listening. */
  get address(): string | null {
    if (!this.server) return null;
    const { host } = this.options;
    const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
    return `http://${name}:${this.port}`;
  }

  private async listen(server: FastifyInstance): Promise<void> {
    const { host, port, allowsOtherPort, lineFile } = this.options;
    try {
      await server.listen({ host, port });
    } catch (cause) {
      const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
      if (reason !== 'EADDRINUSE') {
        throw new PlumblineError('PLB_DAEMON_ADDRESS_INVALID', { file: lineFile, host, port, reason }, { cause });
      }
      if (!allowsOtherPort) {
        throw new PlumblineError('PLB_DAEMON_PORT_IN_USE', { file: lineFile, host, port }, { cause });
      }
      await server.listen({ host, port: 0 });
    }
    this.port = (server.server.address() as AddressInfo).port;
  }

  private async build(): Promise<FastifyInstance> {
    const server = fastify({ forceCloseConnections: true, bodyLimit: 64 * 1024 });
    await server.register(fastifyWebsocket, { options: { maxPayload: 16 * 1024, perMessageDeflate: false } });
    server.addHook('onRequest', async (request, reply) => this.guard(request, reply));
    server.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
      const report = toErrorReport(error);
      const status = statusOf[report.code] ?? error.statusCode ?? 500;
      if (status >= 500) this.options.logger.error({ error: String(error) }, 'a request failed');
      void reply.status(status).send({ error: report });
    });
    server.setNotFoundHandler((request) => {
      throw new PlumblineError('PLB_DAEMON_NOT_FOUND', { path: pathOf(request) });
    });
    this.addMachineRoutes(server);
    await this.addPage(server);
    return server;
  }

  private addMachineRoutes(server: FastifyInstance): void {
    const { metrics, status, services, onFeedClient } = this.options;
    server.get('/healthz', async (_request, reply) => {
      const { state, problems } = status();
      const isServing = state !== 'failed' && state !== 'starting';
      void reply.status(isServing ? 200 : 503).header('cache-control', 'no-store');
      return { state, problems, services: services().map((s) => ({ name: s.name, ...s.health() })) };
    });
    server.get('/metrics', async (_request, reply) => {
      void reply.header('content-type', metrics.contentType);
      return metrics.metrics();
    });
    server.get('/api/status', async (_request, reply) => {
      void reply.header('cache-control', 'no-store');
      return status();
    });
    server.get('/api/feed', { websocket: true }, (socket) => onFeedClient(socket));
  }

  private async addPage(server: FastifyInstance): Promise<void> {
    const folder = this.options.rendererFolder === undefined ? findRendererFolder() : this.options.rendererFolder;
    if (folder) await server.register(fastifyStatic, { root: folder, index: false, serve: false });
    else this.options.logger.warn({}, 'the console page is not built; run `npm run build`');
    const page = async (request: FastifyRequest, reply: FastifyReply) => {
      // On the loopback interface whoever opens the page is on this machine; elsewhere the token must be shown once.
      if (!this.options.access.isLoopback && !this.options.access.hasToken(accessRequest(request), this.port)) {
        throw new PlumblineError('PLB_DAEMON_UNAUTHORIZED', { path: '/' });
      }
      void reply.header('set-cookie', this.options.access.cookie(this.port)).header('cache-control', 'no-store');
      if (!folder) return reply.type('text/html; charset=utf-8').send(missingRendererPage);
      return reply.sendFile('index.html', { cacheControl: false });
    };
    server.get('/', page);
    server.get('/index.html', page);
    if (folder) server.get('/*', (request, reply) => reply.sendFile(decodeURIComponent(pathOf(request)).slice(1)));
  }

  private guard(request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
    const asked = accessRequest(request);
    void reply.headers(securityHeaders);
    this.options.access.checkOrigin(asked);
    if (asked.headers.origin === desktopOrigin) {
      void reply.headers({
        'access-control-allow-origin': desktopOrigin,
        'access-control-allow-headers': 'authorization, content-type',
        'cross-origin-resource-policy': 'cross-origin',
        vary: 'origin',
      });
      if (request.method === 'OPTIONS') return reply.status(204).send();
    }
    if (asked.path.startsWith('/api/') && !this.options.access.hasToken(asked, this.port)) {
      throw new PlumblineError('PLB_DAEMON_UNAUTHORIZED', { path: asked.path });
    }
    return undefined;
  }
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0]!;
}

function accessRequest(request: FastifyRequest): AccessRequest {
  const { host, origin, authorization, cookie } = request.headers;
  const token = new URLSearchParams(request.url.split('?', 2)[1] ?? '').get('token');
  return { path: pathOf(request), headers: { host, origin, authorization, cookie }, queryToken: token ?? undefined };
}
