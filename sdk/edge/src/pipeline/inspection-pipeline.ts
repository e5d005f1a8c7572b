import { setTimeout as delay } from 'node:timers/promises';
import { type Health, type RuleConfig, type Service, toErrorReport, type VisionResult } from '@plumbline/contract';
import type { Detection } from '@plumbline/core/geometry';
import type { ImageRgb } from '@plumbline/core/image';
import { type CapturedFrame, type FrameSource, LatestWinsMailbox } from '../capture/index.js';
import { evaluateRules } from '../decide/index.js';
import type { Inspection, Outcome } from '../inspection.js';
import { runCaptureLoop } from './capture-loop.js';
import type { PipelineObserver } from './observer.js';
import { SharedImage } from './shared-image.js';

/** The part of `@plumbline/runtime/detector` that a pipeline uses. */
export interface FrameDetector {
  readonly info: { readonly id: string; readonly version: string; readonly sha256: string };
  /** The pixels given are not touched by the caller until they come back in `image`. */
  detect(image: ImageRgb): Promise<{
    readonly detections: readonly Detection[];
    readonly timingsMs: { readonly preprocess: number; readonly inference: number; readonly postprocess: number };
    readonly image: ImageRgb;
  }>;
}

/** Keeps an inspection for delivery. It resolves when the record survives a power cut, not earlier. */
export interface InspectionSink {
  append(inspection: Inspection): Promise<{ readonly body: VisionResult }>;
}

/** What is the same for every part of one job. */
export interface JobContext {
  readonly sourceId: string;
  readonly jobId: string;
  readonly recipeId: string;
  readonly configurationId: string;
  readonly isSimulated: boolean;
}

export interface PipelineDependencies {
  source: FrameSource;
  detector: FrameDetector;
  sink: InspectionSink;
  rules: readonly RuleConfig[];
  job: JobContext;
  observer: PipelineObserver;
  clock?: () => number;
  /** Every frame is inspected: the source waits. For replay. */
  isLossless?: boolean;
  /** `ended` rejects when the source is lost, instead of opening it again. */
  failsOnLoss?: boolean;
}

const mailboxSlots = 3;
const storeRetryMs = 500;

/**
 * Frame to stored verdict: source -> mailbox -> detector -> rules -> sink. While a verdict is being stored the next
 * frame is already in the detector; order is kept. A part is never passed silently: what cannot be inspected is
 * stored as failed.
 */
export class InspectionPipeline implements Service {
  readonly name = 'inspection';
  readonly stopTimeoutMs = 15_000;
  /** Settles when the source has ended and every frame of it is stored, or when the pipeline was stopped. */
  readonly ended: Promise<void>;
  private readonly mailbox = new LatestWinsMailbox<CapturedFrame>(mailboxSlots);
  private readonly captureAbort = new AbortController();
  private readonly stopAbort = new AbortController();
  private running: Promise<void> | null = null;
  private settle!: { resolve: () => void; reject: (error: unknown) => void };
  private state: Health['state'] = 'starting';

  constructor(private readonly deps: PipelineDependencies) {
    this.ended = new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
    this.ended.catch(() => {}); // the owner may not be interested
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.state === 'stopped') return;
    this.state = 'ok';
    const { source, observer, isLossless = false, failsOnLoss = false } = this.deps;
    const capture = runCaptureLoop(
      { source, mailbox: this.mailbox, observer, isLossless, failsOnLoss },
      this.captureAbort.signal,
    ).finally(() => this.mailbox.close());
    this.running = Promise.all([capture, this.inspectAll()]).then(() => {});
    this.running.then(this.settle.resolve, (error) => {
      this.state = 'failed';
      this.settle.reject(error);
    });
  }

  /** Ends the capture, then decides and stores what was captured. */
  async stop(): Promise<void> {
    this.state = 'stopped';
    this.captureAbort.abort();
    this.stopAbort.abort();
    await this.running?.catch(() => {}); // reported through `ended`
    this.settle.resolve();
  }

  health(): Health {
    return { state: this.state };
  }

  private async inspectAll(): Promise<void> {
    let storing = Promise.resolve();
    for (let frame = await this.mailbox.take(); frame; frame = await this.mailbox.take()) {
      const inspected = await this.inspect(frame);
      await storing;
      storing = this.store(frame, inspected);
    }
    await storing;
  }

  /** Never rejects: a failure is an outcome. */
  private async inspect(frame: CapturedFrame) {
    const { detector, rules, observer, job, clock = Date.now } = this.deps;
    const startedAtMs = clock();
    observer.stageTaken('wait', Number(process.hrtime.bigint() - frame.hostMonoNs) / 1e6);
    let outcome: Outcome;
    let counted: readonly Detection[] = [];
    let image: SharedImage | null = null;
    try {
      const result = await detector.detect({ width: frame.width, height: frame.height, data: frame.data });
      image = new SharedImage(result.image, (data) => this.deps.source.release(data));
      for (const stage of ['preprocess', 'inference', 'postprocess'] as const) {
        observer.stageTaken(stage, result.timingsMs[stage]);
      }
      const decideMs = performance.now();
      const verdict = evaluateRules(rules, result.detections);
      observer.stageTaken('decide', performance.now() - decideMs);
      counted = verdict.counted;
      outcome = {
        state: 'completed',
        evaluation: verdict.evaluation,
        detections: result.detections,
        triggeredRules: verdict.triggeredRules,
      };
    } catch (error) {
      const { code, message } = toErrorReport(error);
      outcome = { state: 'failed', code, message };
      this.deps.source.release(frame.data); // ignored when the pixels were lost with a worker
      observer.inspectionFailed(error);
    }
    const { id, version, sha256 } = detector.info;
    const { frameId, cameraId, width, height, capturedAtMs, acquisitionMs } = frame;
    const inspection: Inspection = {
      ...job,
      frame: { frameId, cameraId, width, height, capturedAtMs, acquisitionMs },
      startedAtMs,
      finishedAtMs: clock(),
      model: { id, version, sha256 },
      outcome,
    };
    return { inspection, counted, image };
  }

  private async store(
    frame: CapturedFrame,
    inspected: { inspection: Inspection; counted: readonly Detection[]; image: SharedImage | null },
  ): Promise<void> {
    const { observer } = this.deps;
    const startedMs = performance.now();
    const stored = await this.appendUntilStopped(inspected.inspection);
    if (stored) {
      observer.stageTaken('store', performance.now() - startedMs);
      const latencyMs = Number(process.hrtime.bigint() - frame.hostMonoNs) / 1e6;
      observer.inspected({ ...inspected, result: stored.body, latencyMs });
    } else {
      observer.frameDropped('not-stored');
    }
    inspected.image?.release();
  }

  /** A full disk stops acceptance, not the line: the verdict waits and newer frames are dropped and counted. */
  private async appendUntilStopped(inspection: Inspection) {
    let hasFailed = false;
    for (;;) {
      try {
        const stored = await this.deps.sink.append(inspection);
        if (hasFailed) this.deps.observer.storeWorks();
        return stored;
      } catch (error) {
        hasFailed = true;
        this.deps.observer.storeFailed(error);
        if (this.stopAbort.signal.aborted) return null;
        await delay(storeRetryMs, undefined, { signal: this.stopAbort.signal }).catch(() => {});
      }
    }
  }
}
