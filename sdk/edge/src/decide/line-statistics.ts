import type { Inspection } from '../inspection.js';
import { LatencyWindow, type Percentiles } from './latency-window.js';

export interface LineCounts {
  /** Frames that the source delivered, and triggers that gave none. */
  frames: number;
  /** Frames with a stored verdict or a stored failure. */
  inspected: number;
  ok: number;
  notOk: number;
  notDecidable: number;
  /** Frames whose inspection failed and triggers that gave no frame. */
  triggerErrors: number;
  dropped: Record<string, number>;
}

/** Why a frame has no stored inspection. */
export type DropReason =
  /** Inspection was slower than the source. */
  | 'overrun'
  /** The source could not read or decode it. */
  | 'unreadable'
  /** The store refused the verdict until the line stopped. */
  | 'not-stored';

const minuteMs = 60_000;
const trendMinutes = 60;

/** Running figures of a line. No clock of its own: every call carries the time. Memory is bounded. */
export class LineStatistics {
  readonly counts: LineCounts = {
    frames: 0,
    inspected: 0,
    ok: 0,
    notOk: 0,
    notDecidable: 0,
    triggerErrors: 0,
    dropped: {},
  };
  private readonly latency = new LatencyWindow(minuteMs);
  /** Over the whole run, for the closing summary: the newest 65,536 frames. */
  private readonly runLatency = new LatencyWindow(Number.POSITIVE_INFINITY, 65_536);
  private readonly arrivals = new LatencyWindow(5_000, 2048);
  private readonly defects = new Map<string, number>();
  private trend: { minuteMs: number; total: number; ok: number }[] = [];

  frameArrived(nowMs: number): void {
    this.counts.frames += 1;
    this.arrivals.add(0, nowMs);
  }

  dropped(reason: DropReason): void {
    this.counts.dropped[reason] = (this.counts.dropped[reason] ?? 0) + 1;
    if (reason === 'unreadable') this.counts.triggerErrors += 1;
  }

  /**
   * @param countedClasses class of each detection that made the part NotOK
   * @param latencyMs      frame complete to verdict stored
   */
  inspected(inspection: Inspection, countedClasses: readonly string[], latencyMs: number, nowMs: number): void {
    const { outcome } = inspection;
    this.counts.inspected += 1;
    if (outcome.state === 'failed') this.counts.triggerErrors += 1;
    else if (outcome.evaluation === 'OK') this.counts.ok += 1;
    else if (outcome.evaluation === 'NotOK') this.counts.notOk += 1;
    else this.counts.notDecidable += 1;
    for (const name of countedClasses) this.defects.set(name, (this.defects.get(name) ?? 0) + 1);
    this.latency.add(latencyMs, nowMs);
    this.runLatency.add(latencyMs, nowMs);
    this.addToTrend(outcome.state === 'completed' && outcome.evaluation === 'OK', nowMs);
  }

  latencyMs(nowMs: number): Percentiles | null {
    return this.latency.percentiles(nowMs);
  }

  runLatencyMs(nowMs: number): Percentiles | null {
    return this.runLatency.percentiles(nowMs);
  }

  /** Frames per second over the last five seconds. */
  framesPerSecond(nowMs: number): number {
    return this.arrivals.ratePerSecond(nowMs);
  }

  pareto(): { class: string; count: number }[] {
    return [...this.defects]
      .map(([name, count]) => ({ class: name, count }))
      .sort((a, b) => b.count - a.count || a.class.localeCompare(b.class));
  }

  yieldTrend(): { minuteMs: number; total: number; ok: number }[] {
    return this.trend.map((entry) => ({ ...entry }));
  }

  private addToTrend(isOk: boolean, nowMs: number): void {
    const minute = Math.floor(nowMs / minuteMs) * minuteMs;
    if (this.trend.at(-1)?.minuteMs !== minute) {
      this.trend.push({ minuteMs: minute, total: 0, ok: 0 });
      this.trend = this.trend.slice(-trendMinutes);
    }
    const entry = this.trend.at(-1)!;
    entry.total += 1;
    if (isOk) entry.ok += 1;
  }
}
