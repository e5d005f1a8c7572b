import { setTimeout as delay } from 'node:timers/promises';
import { type Health, PlumblineError, type Service } from '@plumbline/contract';
import type { ImageRgb } from '@plumbline/core/image';
import type { Logger } from '@plumbline/core/log';
import type { FrameDetector } from '@plumbline/edge/pipeline';
import type { DetectionResult, Detector } from '@plumbline/runtime/detector';

export interface DetectorServiceOptions {
  modelDir: string;
  /** Loads the model; called again after the detector was lost. */
  create: () => Promise<Detector>;
  /** Adds to the error of the first loading where the model is named. */
  explain?: (error: unknown) => unknown;
  /** Throws when the line cannot work with this model. */
  check: (detector: Detector) => void;
  logger: Logger;
  onDown: (error: unknown) => void;
  onUp: () => void;
  /** Longest time of one frame. A first inference after a model change takes longest. */
  timeoutMs?: number;
}

const failuresBeforeRestart = 3;
const firstBackoffMs = 500;
const longestBackoffMs = 10_000;

/**
 * The detector as a service: loads it at start, gives each frame a time limit and replaces a detector that hangs or
 * keeps failing. While none runs, `detect` rejects at once, so that parts are reported as failed instead of waiting.
 */
export class DetectorService implements Service, FrameDetector {
  readonly name = 'detector';
  readonly stopTimeoutMs = 5_000;
  private detector: Detector | null = null;
  private lastInfo: Detector['info'] | null = null;
  private failures = 0;
  private restarting: Promise<void> | null = null;
  private readonly lost = new Set<Promise<void>>();
  private readonly stopAbort = new AbortController();

  constructor(private readonly options: DetectorServiceOptions) {}

  /** Loads and warms up the model. @throws the model's coded error, or that of `check` */
  async start(signal: AbortSignal): Promise<void> {
    const { create, check, explain = (error) => error } = this.options;
    const detector = await create().catch((error) => Promise.reject(explain(error)));
    try {
      signal.throwIfAborted();
      this.stopAbort.signal.throwIfAborted();
      check(detector);
      await this.within(detector.detect(blankImage(detector.info.frameSizeHw)));
    } catch (error) {
      await detector.dispose();
      throw error;
    }
    this.detector = detector;
    this.lastInfo = detector.info;
  }

  async stop(): Promise<void> {
    this.stopAbort.abort();
    await this.restarting;
    const detector = this.detector;
    this.detector = null;
    await Promise.all([detector?.dispose(), ...this.lost]);
  }

  health(): Health {
    if (this.stopAbort.signal.aborted) return { state: 'stopped' };
    if (this.detector) return { state: 'ok' };
    return this.lastInfo ? { state: 'degraded', detail: 'being started again' } : { state: 'starting' };
  }

  /** The model in use, also while its detector is being replaced. Before `start` there is none. */
  get info(): Detector['info'] {
    if (!this.lastInfo) throw this.downError('not started');
    return this.lastInfo;
  }

  get hasStarted(): boolean {
    return this.lastInfo !== null;
  }

  /** @throws {PlumblineError} PLB_DAEMON_DETECT_TIMEOUT, PLB_DAEMON_DETECTOR_DOWN and the detector's own */
  async detect(image: ImageRgb): Promise<DetectionResult> {
    const detector = this.detector;
    if (!detector) throw this.downError('no detector runs');
    try {
      const result = await this.within(detector.detect(image));
      this.failures = 0;
      return result;
    } catch (error) {
      this.failures += 1;
      const hangs = error instanceof PlumblineError && error.code === 'PLB_DAEMON_DETECT_TIMEOUT';
      if ((hangs || this.failures >= failuresBeforeRestart) && this.detector === detector)
        this.replace(detector, error);
      throw error;
    }
  }

  private replace(lost: Detector, error: unknown): void {
    if (this.stopAbort.signal.aborted) return;
    this.detector = null;
    this.options.logger.error({ error: String(error) }, 'the detector is started again');
    this.options.onDown(this.downError(error instanceof Error ? error.message : String(error)));
    this.restarting = this.recreate(lost).finally(() => (this.restarting = null));
  }

  private async recreate(lost: Detector): Promise<void> {
    const { signal } = this.stopAbort;
    // Not awaited here: a detector that hangs may never let go. `stop` waits for it within its time-out.
    const letGo = lost.dispose().catch((error) => {
      this.options.logger.warn({ error: String(error) }, 'disposing the lost detector failed');
    });
    this.lost.add(letGo);
    void letGo.then(() => this.lost.delete(letGo));
    for (let backoffMs = firstBackoffMs; !signal.aborted; backoffMs = Math.min(longestBackoffMs, backoffMs * 2)) {
      try {
        const detector = await this.options.create();
        if (signal.aborted) return void (await detector.dispose());
        this.detector = detector;
        this.lastInfo = detector.info;
        this.failures = 0;
        this.options.onUp();
        return;
      } catch (error) {
        this.options.logger.error({ error: String(error) }, 'the detector could not be started');
        await delay(backoffMs, undefined, { signal }).catch(() => {});
      }
    }
  }

  private async within<T>(work: Promise<T>): Promise<T> {
    const timeoutMs = this.options.timeoutMs ?? 10_000;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new PlumblineError('PLB_DAEMON_DETECT_TIMEOUT', { timeoutMs, model: this.options.modelDir })),
        timeoutMs,
      );
    });
    return Promise.race([work, timeout]).finally(() => clearTimeout(timer));
  }

  private downError(reason: string): PlumblineError {
    return new PlumblineError('PLB_DAEMON_DETECTOR_DOWN', { model: this.options.modelDir, reason });
  }
}

/** A first frame that no part waits for: memory is laid out while it is computed. */
function blankImage([height, width]: readonly [number, number]): ImageRgb {
  return { width, height, data: new Uint8Array(height * width * 3) };
}
