import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PlumblineError } from '@plumbline/contract';
import type { DetectorModel } from '../model/index.js';
import type { StepMetrics } from '../train/index.js';
import { documentHtml, pageCss } from './document.js';
import type { PageEnd, PageMessage, PagePredictions, PageValidation, RunFacts } from './messages.js';
import type { PredictionPictures } from './prediction-pictures.js';
import { RunHistory } from './run-history.js';

interface Asset {
  readonly type: string;
  readonly content: string | Buffer;
}

const script = 'text/javascript; charset=utf-8';
const style = 'text/css; charset=utf-8';

/**
 * Serves the course of a run to browsers on this machine: curves, learning rate, throughput, predictions on validation
 * images. It only shows; nothing can be changed through it. Bound to 127.0.0.1 and answering to that name alone, so
 * that no other site reads it through a visitor's browser.
 */
export class TrainingPage {
  private readonly history = new RunHistory();
  private readonly visitors = new Set<ServerResponse>();
  private readonly assets = loadAssets();
  private facts: RunFacts | undefined;
  private predictions: PagePredictions | null = null;
  private ended: PageEnd | null = null;

  private constructor(
    private readonly server: Server,
    private readonly pictures: PredictionPictures | undefined,
  ) {
    server.on('request', (request, response) => void this.answer(request, response));
  }

  /**
   * @param port 0 takes any free one
   * @param pictures validation images that predictions are shown on
   * @throws {PlumblineError} PLB_TRAIN_PAGE_PORT_UNUSABLE
   */
  static async open(port: number, pictures?: PredictionPictures): Promise<TrainingPage> {
    const server = createServer();
    const page = new TrainingPage(server, pictures);
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause: NodeJS.ErrnoException) => {
        const reason = cause.code === 'EADDRINUSE' ? 'another program uses it' : cause.message;
        reject(new PlumblineError('PLB_TRAIN_PAGE_PORT_UNUSABLE', { port, reason }, { cause }));
      });
      server.listen(port, '127.0.0.1', resolve);
    });
    server.unref(); // a visitor does not keep the process alive
    return page;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** @param metricsFile of the run, with the steps of earlier starts */
  begin(facts: RunFacts, metricsFile: string): void {
    this.facts = facts;
    this.history.read(metricsFile);
    for (const visitor of this.visitors) send(visitor, this.state());
  }

  step(metrics: StepMetrics): void {
    this.tell({ kind: 'step', ...this.history.addStep(metrics) });
  }

  validation({ step, epoch, AP }: PageValidation): void {
    this.history.validations.push({ step, epoch, AP });
    this.tell({ kind: 'validation', step, epoch, AP });
  }

  /** Whether {@link look} should be called with the model now. */
  isLookDue(): boolean {
    return this.pictures?.isDue() ?? false;
  }

  async look(model: DetectorModel, step: number): Promise<void> {
    if (!this.pictures) return;
    this.predictions = await this.pictures.look(model, step);
    this.tell({ kind: 'predictions', ...this.predictions });
  }

  end(end: PageEnd): void {
    this.ended = end;
    this.tell({ kind: 'end', ...end });
  }

  /** Open pages keep what they show. */
  close(): Promise<void> {
    for (const visitor of this.visitors) visitor.end();
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeIdleConnections();
    });
  }

  private tell(message: PageMessage): void {
    if (!this.facts) return;
    for (const visitor of this.visitors) send(visitor, message);
  }

  private state(): PageMessage {
    return {
      kind: 'state',
      facts: this.facts!,
      steps: this.history.thinnedSteps(),
      validations: this.history.validations,
      predictions: this.predictions,
      end: this.ended,
    };
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { port } = this.server.address() as AddressInfo;
    const { host } = request.headers;
    if (host !== `127.0.0.1:${port}` && host !== `localhost:${port}`) return refuse(response, 403);
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405);
    const path = request.url?.split('?')[0] ?? '/';
    if (path === '/events') return this.stream(response);
    try {
      const jpeg = path.startsWith('/pictures/') ? await this.pictures?.jpeg(path) : undefined;
      const asset = jpeg ? { type: 'image/jpeg', content: jpeg } : this.assets.get(path);
      if (!asset) return refuse(response, 404);
      response.writeHead(200, {
        'content-type': asset.type,
        'content-length': Buffer.byteLength(asset.content),
        'content-security-policy':
          "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'",
        'x-content-type-options': 'nosniff',
        'cache-control': jpeg ? 'max-age=3600' : 'no-cache',
      });
      response.end(request.method === 'HEAD' ? undefined : asset.content);
    } catch {
      refuse(response, 500); // the image file is gone or damaged; training tells about it where it matters
    }
  }

  private stream(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    response.flushHeaders();
    this.visitors.add(response);
    response.on('close', () => this.visitors.delete(response));
    if (this.facts) send(response, this.state());
  }
}

function send(visitor: ServerResponse, message: PageMessage): void {
  visitor.write(`data: ${JSON.stringify(message)}\n\n`);
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'text/plain' });
  response.end(`${status}\n`);
}

function loadAssets(): ReadonlyMap<string, Asset> {
  const uplot = join(createRequire(import.meta.url).resolve('uplot/dist/uPlot.d.ts'), '..');
  const browser = fileURLToPath(new URL('../../dist/browser/', import.meta.url));
  const read = (folder: string, file: string) => readFileSync(join(folder, file));
  return new Map<string, Asset>([
    ['/', { type: 'text/html; charset=utf-8', content: documentHtml }],
    ['/page.css', { type: style, content: pageCss }],
    ['/uplot.css', { type: style, content: read(uplot, 'uPlot.min.css') }],
    ['/uplot.js', { type: script, content: read(uplot, 'uPlot.iife.min.js') }],
    ...['main.js', 'curves.js', 'pictures.js', 'format.js'].map(
      (file) => [`/${file}`, { type: script, content: read(browser, file) }] as const,
    ),
  ]);
}
