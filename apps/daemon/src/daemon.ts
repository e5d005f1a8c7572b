import { join } from 'node:path';
import type { Health, LineStatus, Service, SourceConfig } from '@plumbline/contract';
import type { Logger } from '@plumbline/core/log';
import { createFrameSource, type FrameSource } from '@plumbline/edge/capture';
import type { Percentiles } from '@plumbline/edge/decide';
import { InspectionPipeline } from '@plumbline/edge/pipeline';
import { Outbox } from '@plumbline/edge/publish';
import { createWorkerDetector, type Detector, type DetectorOptions } from '@plumbline/runtime/detector';
import { describeFallback } from '@plumbline/runtime/session';
import { BrokerLink } from './broker-link.js';
import { DetectorService } from './detector-service.js';
import { EventLog } from './event-log.js';
import { DiskWatch } from './health/disk-watch.js';
import { LineMonitor } from './health/line-monitor.js';
import { buildStatus } from './health/line-status.js';
import { Access } from './http/access.js';
import { HttpService } from './http/http-service.js';
import { TokenFile } from './http/token-file.js';
import { checkRuleClasses, type LineSetup, locateModelError } from './line-setup.js';
import { Metrics } from './metrics.js';
import { OperatorFeed } from './operator-feed/operator-feed.js';
import { ServiceGroup } from './service-group.js';

export interface DaemonOptions {
  setup: LineSetup;
  logger: Logger;
  /** Shown on the console; the demo also allows another port. */
  isDemo?: boolean;
  /** Broker instead of the one of line.yaml: the demo's own. */
  brokerUrl?: string;
  /** Store instead of the one of line.yaml. */
  storeDir?: string;
  /** Source instead of the one of line.yaml: for replay. */
  source?: SourceConfig;
  /** Inspect every frame; the source waits and a lost source ends the run. For replay. */
  isLossless?: boolean;
  /** No console, API, health or metrics: for replay. */
  hasNoHttp?: boolean;
}

/** What the daemon does not build itself. Tests put their own in place. */
export interface DaemonDependencies {
  createDetector: (options: DetectorOptions) => Promise<Detector>;
  clock: () => number;
}

/** Figures of one run, as `plumbline run --json` prints them. */
export interface RunSummary {
  frames: number;
  inspected: number;
  dropped: Record<string, number>;
  /** Stored inspections that gave a verdict. */
  verdicts: number;
  evaluations: { OK: number; NotOK: number; NotDecidable: number; failed: number };
  /** Results that the broker took. */
  published: number;
  /** Records not yet delivered: kept in the store for the next start. */
  outboxDepth: number;
  /** Frame complete to verdict stored; null without a frame. */
  latencyMs: Percentiles | null;
}

const tickMs = 1000;

/** One line: the composition root. Sinks start first, so that nothing is produced before it can be kept. */
export class Daemon {
  private readonly monitor: LineMonitor;
  private readonly outbox: Outbox;
  private readonly broker: BrokerLink;
  private readonly events: EventLog;
  private readonly detector: DetectorService;
  private readonly pipeline: InspectionPipeline;
  private readonly http: HttpService | null;
  private readonly feed: OperatorFeed;
  private readonly disk: DiskWatch;
  private readonly services: readonly Service[];
  private readonly group: ServiceGroup;
  private readonly startAbort = new AbortController();
  private readonly clock: () => number;
  private readonly startedAtMs: number;
  private phase: 'new' | 'starting' | 'started' | 'stopping' | 'stopped' = 'new';
  private lastState: LineStatus['state'] = 'starting';
  private starting: Promise<void> = Promise.resolve();
  private ticker: NodeJS.Timeout | null = null;

  constructor(
    private readonly options: DaemonOptions,
    dependencies: Partial<DaemonDependencies> = {},
  ) {
    const { setup, logger } = options;
    const { config } = setup;
    const { createDetector = createWorkerDetector, clock = Date.now } = dependencies;
    const storeDir = options.storeDir ?? setup.storeDir;
    this.clock = clock;
    this.startedAtMs = clock();
    const metrics = new Metrics({
      outboxDepth: () => this.outbox.stats().depth,
      resultsPublished: () => this.outbox.stats().published,
      isCameraUp: () => this.monitor.isCameraUp,
      isBrokerUp: () => this.broker.status().state === 'connected',
    });
    this.monitor = new LineMonitor(
      metrics,
      {
        inspected: (frame) => this.feed.show(frame),
        frameSkipped: (skipped) => this.events.frameSkipped(skipped.error),
        problemRaised: (problem) => this.events.problemRaised(problem),
        problemResolved: (problem) => this.events.problemResolved(problem),
        changed: () => this.feed.statusChanged(),
      },
      clock,
    );
    const publish = config.publish[0];
    this.outbox = new Outbox({
      file: join(storeDir, 'outbox.db'),
      sourceId: config.id,
      maxBytes: config.storeMaxBytes,
      safeWhen: publish ? (publish.ack ? 'acked' : 'published') : 'stored',
      retentionMs: (publish?.retentionHours ?? 72) * 3_600_000,
      logger,
      clock: { nowMs: clock },
    });
    this.events = new EventLog({ append: (draft) => this.outbox.append(draft), logger, clock });
    this.broker = new BrokerLink({ setup, outbox: this.outbox, url: options.brokerUrl, logger });
    this.feed = new OperatorFeed({ status: () => this.status(), logger, clock });
    this.disk = new DiskWatch({
      storeDir,
      onLow: (error) => this.monitor.problems.raise('disk', error),
      onEnough: () => this.monitor.problems.resolve('disk'),
    });
    const { threads, scoreThreshold, executionProviders } = config.runtime;
    this.detector = new DetectorService({
      modelDir: setup.modelDir,
      create: () =>
        createDetector({
          modelDir: setup.modelDir,
          ...(threads === undefined ? {} : { threads }),
          ...(scoreThreshold === undefined ? {} : { scoreThreshold }),
          ...(executionProviders === undefined ? {} : { executionProviders }),
        }),
      explain: (error) => locateModelError(setup, error),
      check: ({ info }) => {
        checkRuleClasses(setup, info.classes);
        this.showFallback(info);
      },
      logger,
      onDown: (error) => this.monitor.problems.raise('detector', error),
      onUp: () => this.monitor.problems.resolve('detector'),
    });
    const source: FrameSource = createFrameSource(options.source ?? config.source, {
      cameraId: config.id,
      baseDir: setup.baseDir,
      isLossless: options.isLossless ?? false,
      onSkip: (skipped) => this.monitor.frameSkipped(skipped),
    });
    this.pipeline = new InspectionPipeline({
      source,
      detector: this.detector,
      sink: { append: (inspection) => this.outbox.append({ kind: 'result', inspection }) },
      rules: config.rules,
      job: {
        sourceId: config.id,
        jobId: `${config.id}-${new Date(this.startedAtMs).toISOString()}`,
        recipeId: config.id,
        configurationId: setup.configurationId,
        // Image files stand in for a camera: nobody waits for the part.
        isSimulated: true,
      },
      observer: this.monitor,
      clock,
      isLossless: options.isLossless ?? false,
      failsOnLoss: options.isLossless ?? false,
    });
    const access = new Access(config.api.host, config.api.allowedHosts);
    this.http = options.hasNoHttp
      ? null
      : new HttpService({
          lineFile: setup.file,
          host: config.api.host,
          port: config.api.port,
          allowsOtherPort: options.isDemo ?? false,
          access,
          logger,
          metrics: metrics.registry,
          status: () => this.status(),
          services: () => this.services,
          onFeedClient: (socket) => this.feed.addClient(socket),
        });
    const http = this.http ? [this.http] : [];
    const tokenFile = this.http ? [new TokenFile(access, storeDir)] : [];
    this.services = [
      ...http, // first, so that it can be asked during a long start and while the backlog is sent
      this.outbox, // locks the store for this process
      ...tokenFile,
      this.disk,
      this.broker,
      this.events,
      this.feed,
      this.detector,
      this.pipeline,
    ];
    this.group = new ServiceGroup(this.services, logger);
  }

  /** A line that computes elsewhere than it should works, and is slower than planned. */
  private showFallback({ providerAttempts }: Detector['info']): void {
    const error = describeFallback(providerAttempts);
    if (error) this.monitor.problems.raise('provider', error);
    else this.monitor.problems.resolve('provider');
  }

  /** Settles when the source has ended and every frame is stored; rejects when a replayed source is lost. */
  get ended(): Promise<void> {
    return this.pipeline.ended;
  }

  /** Address of the console, null before start and without HTTP. */
  get address(): string | null {
    return this.http?.address ?? null;
  }

  /** @throws the coded error of the step that failed, after everything started has been stopped */
  start(): Promise<void> {
    if (this.phase !== 'new') return this.starting;
    this.phase = 'starting';
    this.starting = this.startAll();
    return this.starting;
  }

  /** Drains: capture ends, frames in flight are decided, the backlog is sent, "offline", disconnect, outbox closed. */
  async stop(): Promise<void> {
    if (this.phase !== 'stopped') this.phase = 'stopping';
    this.startAbort.abort();
    await this.starting.catch(() => {}); // reported by start()
    if (this.ticker) {
      clearInterval(this.ticker);
      this.ticker = null;
      this.tick(); // says `stopping` while the outbox still takes records
    }
    await this.group.stop();
    this.phase = 'stopped';
  }

  /** False when a service did not stop in its time; the process should then be ended. */
  get hasStoppedCleanly(): boolean {
    return this.group.hasStoppedCleanly;
  }

  status(): LineStatus {
    const { setup, isDemo } = this.options;
    return buildStatus({
      setup,
      monitor: this.monitor,
      state: this.lineState(),
      demo: isDemo ?? false,
      startedAtMs: this.startedAtMs,
      nowMs: this.clock(),
      model: this.detector.hasStarted ? this.detector.info : null,
      outbox: this.outbox.stats(),
      broker: this.broker.status(),
      disk: this.disk.figures,
    });
  }

  summary(): RunSummary {
    const { counts } = this.monitor.statistics;
    const { published, depth } = this.outbox.stats();
    const verdicts = counts.ok + counts.notOk + counts.notDecidable;
    return {
      frames: counts.frames,
      inspected: counts.inspected,
      dropped: { ...counts.dropped },
      verdicts,
      evaluations: {
        OK: counts.ok,
        NotOK: counts.notOk,
        NotDecidable: counts.notDecidable,
        failed: counts.inspected - verdicts,
      },
      published,
      outboxDepth: depth,
      latencyMs: this.monitor.statistics.runLatencyMs(this.clock()),
    };
  }

  private async startAll(): Promise<void> {
    await this.group.start(this.startAbort.signal);
    if (this.startAbort.signal.aborted) return;
    this.phase = 'started';
    const { configurationId } = this.options.setup;
    this.events.note('job_started', { recipeId: this.options.setup.config.id, configurationId });
    this.pipeline.ended.catch((error) => this.monitor.problems.raise('camera', error));
    this.ticker = setInterval(() => this.tick(), tickMs);
    this.tick();
  }

  /** What passes with time or is only known by asking. */
  private tick(): void {
    this.monitor.tick();
    const { problems } = this.monitor;
    const undelivered = this.broker.problem();
    if (undelivered && this.phase === 'started') problems.raise('broker', undelivered);
    else problems.resolve('broker');
    const state = this.lineState();
    if (state !== this.lastState) {
      this.events.note('state_changed', { from: this.lastState, to: state });
      this.broker.lineStateChanged(state);
      this.lastState = state;
      this.feed.statusChanged();
    }
  }

  private lineState(): LineStatus['state'] {
    if (this.phase === 'stopping' || this.phase === 'stopped') return 'stopping';
    if (this.phase !== 'started') return 'starting';
    const pipeline: Health['state'] = this.pipeline.health().state;
    if (pipeline === 'failed') return 'failed';
    if (this.monitor.problems.list().length > 0) return 'degraded';
    return this.monitor.isIdle ? 'idle' : 'running';
  }
}

/** Builds a line from its checked configuration; does no I/O before `start`. */
export function createDaemon(options: DaemonOptions, dependencies: Partial<DaemonDependencies> = {}): Daemon {
  return new Daemon(options, dependencies);
}
