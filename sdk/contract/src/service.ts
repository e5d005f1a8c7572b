/** State of one service as shown on /healthz and the console. `degraded` still does its main work. */
export interface Health {
  state: 'starting' | 'ok' | 'degraded' | 'failed' | 'stopped';
  detail?: string;
}

/**
 * One long-lived part of a process. The constructor does no I/O; `start` cleans up after itself when it throws and
 * honours the signal; `stop` may be called twice and before `start`.
 */
export interface Service {
  readonly name: string;
  /** Longest time `stop` may take before the root reports it and goes on, in ms. */
  readonly stopTimeoutMs: number;
  start(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
  health(): Health;
}
