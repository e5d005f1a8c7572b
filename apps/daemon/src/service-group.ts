import { PlumblineError, type Service, toErrorReport } from '@plumbline/contract';
import type { Logger } from '@plumbline/core/log';

/** Starts services in the order given and stops those that run in the reverse order. */
export class ServiceGroup {
  private readonly running: Service[] = [];
  private stopping: Promise<void> | null = null;
  /** False once a service failed to stop in its time: it may still hold a thread or a file. */
  hasStoppedCleanly = true;

  constructor(
    private readonly services: readonly Service[],
    private readonly logger: Logger,
  ) {}

  /**
   * A step that throws, or an aborted signal, stops what runs already and rejects. A step that ignores the signal is
   * waited for no longer than its stop time-out and is stopped too.
   */
  async start(signal: AbortSignal): Promise<void> {
    try {
      for (const service of this.services) {
        signal.throwIfAborted();
        this.logger.debug({ service: service.name }, 'starting');
        this.running.unshift(service);
        await settleAfterAbort(service.start(signal), signal, service.stopTimeoutMs);
      }
      signal.throwIfAborted();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** One failure or time-out is reported and does not skip the rest. A second call waits for the first. */
  stop(): Promise<void> {
    this.stopping ??= this.stopAll();
    return this.stopping;
  }

  private async stopAll(): Promise<void> {
    for (const service of this.running) {
      try {
        await stopWithin(service);
        this.logger.debug({ service: service.name }, 'stopped');
      } catch (error) {
        this.hasStoppedCleanly = false;
        const { code, message } = toErrorReport(error);
        this.logger.error({ service: service.name, code }, message);
      }
    }
  }
}

async function stopWithin(service: Service): Promise<void> {
  const { name, stopTimeoutMs: timeoutMs } = service;
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new PlumblineError('PLB_DAEMON_STOP_TIMEOUT', { service: name, timeoutMs })),
      timeoutMs,
    );
  });
  await Promise.race([service.stop(), timeout]).finally(() => clearTimeout(timer));
}

async function settleAfterAbort(step: Promise<void>, signal: AbortSignal, graceMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let arm = () => {};
  const expired = new Promise<void>((resolve) => {
    arm = () => {
      timer = setTimeout(resolve, graceMs);
    };
  });
  signal.addEventListener('abort', arm);
  step.catch(() => {}); // handled by the race unless the grace time is over
  try {
    await Promise.race([step, expired]);
  } finally {
    signal.removeEventListener('abort', arm);
    clearTimeout(timer);
  }
}
