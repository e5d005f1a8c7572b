import type { Daemon, RunSummary } from '@plumbline/daemon';
import { DeliveryCheck, type DeliveryReport } from './delivery-check.js';
import { StopRequest } from './stop-request.js';

export interface LineRunOptions {
  daemon: Daemon;
  /** Ends the run after this time; without it the run ends with a signal. */
  durationMs?: number | undefined;
  /** Ends the run when the source has delivered its last frame. */
  endsWithSource: boolean;
  /** Broker that a MES of our own listens to, to prove the delivery; null: nobody checks. */
  checkedBrokerUrl: string | null;
  /** Takes one line for a person. */
  say: (line: string) => void;
}

/** Resident memory of the process, MB: right after the start, after ten seconds and at the end. */
export interface MemoryReport {
  start: number;
  warm: number | null;
  end: number;
}

export type LineRunReport = RunSummary & Partial<DeliveryReport> & { seconds: number; rssMb: MemoryReport };

const warmUpMs = 10_000;

/**
 * Runs a line in the foreground: prints where it can be reached, one line of counts a second, and stops cleanly on
 * SIGINT, SIGTERM, after the duration or with the source. A second signal ends the process at once.
 */
export async function runLine(options: LineRunOptions): Promise<LineRunReport> {
  const { daemon, say } = options;
  const stop = new StopRequest(
    () => say('stopping: frames in flight are decided and the backlog is sent; press Ctrl-C again to end at once'),
    () => void endAtOnce(),
  );
  const check = options.checkedBrokerUrl === null ? null : new DeliveryCheck(options.checkedBrokerUrl);
  const timers: NodeJS.Timeout[] = [];
  try {
    await check?.start();
    stop.requested.then(() => daemon.stop()); // also in the middle of a start
    await daemon.start().catch((error) => {
      if (!stop.isRequested) throw error;
    });
    const startedMs = performance.now();
    const rssMb: MemoryReport = { start: residentMb(), warm: null, end: 0 };
    if (!stop.isRequested) {
      if (daemon.address) say(`console  ${daemon.address}`);
      if (daemon.status().broker.state !== 'disabled') say(`broker   ${daemon.status().broker.url}`);
      timers.push(setInterval(() => say(describeProgress(daemon, check)), 1000));
      timers.push(setTimeout(() => (rssMb.warm = residentMb()), warmUpMs));
      if (options.durationMs !== undefined) timers.push(setTimeout(() => stop.request(), options.durationMs));
    }
    const sourceEnded = options.endsWithSource ? daemon.ended : new Promise<never>(() => {});
    await Promise.race([stop.requested, sourceEnded]);
    const seconds = round((performance.now() - startedMs) / 1000, 10);
    await daemon.stop();
    const summary = daemon.summary();
    const delivery = await check?.finish(summary.inspected);
    rssMb.end = residentMb();
    return { ...roundLatency(summary), ...delivery, seconds, rssMb };
  } finally {
    for (const timer of timers) clearInterval(timer);
    stop.dispose();
    await daemon.stop(); // does nothing when it has stopped; otherwise an error is on its way
    await check?.finish(0);
    // An inference that hangs in native code would hold its thread and with it the process.
    if (!daemon.hasStoppedCleanly) setTimeout(endAtOnce, 1000);
  }
}

/** The daemon is loaded by now; importing it up here would load it with every command. */
async function endAtOnce(): Promise<void> {
  const daemon = await import('@plumbline/daemon');
  daemon.endAtOnce();
}

function describeProgress(daemon: Daemon, check: DeliveryCheck | null): string {
  const { state, counts, camera, latencyMs, outbox, broker, problems } = daemon.status();
  const dropped = Object.values(counts.dropped).reduce((sum, n) => sum + n, 0);
  const parts = [
    `${state}: ${counts.inspected} inspected`,
    `${counts.ok} OK`,
    `${counts.notOk} NG`,
    `${counts.triggerErrors} errors`,
    `${dropped} dropped`,
    `${outbox.published} published`,
    ...(check ? [`${check.received} received`] : []),
    `${outbox.depth} buffered`,
    `${camera.framesPerSecond.toFixed(1)} fps`,
    ...(latencyMs ? [`p95 ${latencyMs.p95.toFixed(0)} ms`] : []),
    `broker ${broker.state}`,
  ];
  return [parts.join('  '), ...problems.map((p) => `  ${p.code}: ${p.message}`)].join('\n');
}

function roundLatency(summary: RunSummary): RunSummary {
  const { latencyMs } = summary;
  if (!latencyMs) return summary;
  const { p50, p95, p99 } = latencyMs;
  return { ...summary, latencyMs: { p50: round(p50, 100), p95: round(p95, 100), p99: round(p99, 100) } };
}

function residentMb(): number {
  return round(process.memoryUsage.rss() / 1e6, 10);
}

function round(value: number, scale: number): number {
  return Math.round(value * scale) / scale;
}
