import { type Health, type Problem, type Service, toErrorReport, type VisionEventType } from '@plumbline/contract';
import type { Logger } from '@plumbline/core/log';
import type { EventDraft } from '@plumbline/edge/publish';

export interface EventLogOptions {
  /** Stores an event in the stream of results; resolves when it is on disk. */
  append: (draft: EventDraft) => Promise<unknown>;
  logger: Logger;
  clock: () => number;
}

/** A folder full of broken files must not flood the MES: one event for this time. All of them are counted. */
const shortestSkipIntervalMs = 1000;

/** Problems and changes of the line as events to the MES and as log lines. */
export class EventLog implements Service {
  readonly name = 'event-log';
  readonly stopTimeoutMs = 2_000;
  private readonly pending = new Set<Promise<void>>();
  private lastSkipMs = Number.NEGATIVE_INFINITY;
  private state: Health['state'] = 'starting';

  constructor(private readonly options: EventLogOptions) {}

  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.state = 'ok';
  }

  /** Waits until everything noted is stored, so that it is sent with the backlog. */
  async stop(): Promise<void> {
    this.state = 'stopped';
    await Promise.all(this.pending);
  }

  health(): Health {
    return { state: this.state };
  }

  note(type: VisionEventType, data: Record<string, unknown>): void {
    if (this.state !== 'ok') return;
    const stored = this.options.append({ kind: 'event', type, data, timestampMs: this.options.clock() }).then(
      () => {},
      (error) => this.options.logger.warn({ type, error: String(error) }, 'an event could not be stored'),
    );
    this.pending.add(stored);
    void stored.then(() => this.pending.delete(stored));
  }

  problemRaised({ code, message, help, source }: Problem): void {
    this.options.logger.warn({ code, source }, `${message}. ${help}`);
    if (isReported(source)) this.note('error', { code, message, help, source });
  }

  problemResolved({ code, message, help, source }: Problem): void {
    this.options.logger.info({ code, source }, `resolved: ${message}`);
    if (isReported(source)) this.note('error_resolved', { code, message, help, source });
  }

  frameSkipped(error: unknown): void {
    const nowMs = this.options.clock();
    if (nowMs - this.lastSkipMs < shortestSkipIntervalMs) return;
    this.lastSkipMs = nowMs;
    this.note('error', { ...toErrorReport(error), source: 'image' });
  }
}

/** Unreadable images are reported one by one; an event about the store could not be stored. */
function isReported(source: string): boolean {
  return source !== 'image' && source !== 'store';
}
