import type { LineStatus } from '@plumbline/contract';

export interface Totals {
  total: number;
  good: number;
  ng: number;
  /** Triggers without a usable verdict: not decidable, or reading or inspecting failed. */
  triggerErrors: number;
}

/** The four counters of the Run screen; the last three add up to the first. */
export function totalsOf(counts: LineStatus['counts']): Totals {
  const { ok, notOk, notDecidable, triggerErrors } = counts;
  const errors = notDecidable + triggerErrors;
  return { total: ok + notOk + errors, good: ok, ng: notOk, triggerErrors: errors };
}

/** Good parts in percent of all triggers; null before the first. */
export function yieldPercent({ total, good }: Totals): number | null {
  return total === 0 ? null : (100 * good) / total;
}

const AXIS_LOWS = [94, 90, 70, 40, 0] as const;

/**
 * The narrowest percent axis up to 100 that holds all values, with three ticks.
 * @param widest the lowest of the possible ends that may be used first: 90 for the yield bar, 94 for the trend
 */
export function yieldAxis(
  values: readonly number[],
  widest: 90 | 94 = 94,
): { lo: number; hi: number; ticks: readonly number[] } {
  const least = Math.min(100, ...values);
  const lo = AXIS_LOWS.find((end) => end <= widest && least >= end) ?? 0;
  return { lo, hi: 100, ticks: [lo, (lo + 100) / 2, 100] };
}

/** One point of the trend; x and y are shares of the plot, y grows downward. */
export interface TrendPoint {
  minuteMs: number;
  percent: number;
  x: number;
  y: number;
}

export interface Trend {
  points: readonly TrendPoint[];
  /** Lines of the plot, split where minutes without parts lie. */
  lines: readonly (readonly TrendPoint[])[];
  ticksY: readonly { percent: number; y: number }[];
  ticksX: readonly { minuteMs: number; x: number }[];
  targetY: number;
}

/** Minutes that the trend spans, newest at the right edge. */
export const TREND_MINUTES = 60;

/**
 * Lays out the yield of the last hour, one point per minute that had parts.
 * @param yieldTarget share, 0..1
 */
export function layoutTrend(trend: LineStatus['yieldTrend'], yieldTarget: number, nowMs: number): Trend {
  const target = yieldTarget * 100;
  const endMs = Math.floor(nowMs / 60_000) * 60_000;
  const startMs = endMs - (TREND_MINUTES - 1) * 60_000;
  const used = trend.filter((entry) => entry.total > 0 && entry.minuteMs >= startMs);
  const percents = used.map((entry) => (100 * entry.ok) / entry.total);
  const axis = yieldAxis([...percents, target]);
  const xOf = (ms: number) => (ms - startMs) / (endMs - startMs);
  const yOf = (percent: number) => (axis.hi - percent) / (axis.hi - axis.lo);
  const points = used.map((entry, i): TrendPoint => {
    const percent = percents[i]!;
    return { minuteMs: entry.minuteMs, percent, x: xOf(entry.minuteMs), y: yOf(percent) };
  });
  const lines: TrendPoint[][] = [];
  for (const point of points) {
    const line = lines[lines.length - 1];
    const before = line?.[line.length - 1];
    if (line && before && point.minuteMs - before.minuteMs <= 60_000) line.push(point);
    else lines.push([point]);
  }
  const ticksX: { minuteMs: number; x: number }[] = [];
  for (let ms = Math.ceil(startMs / 600_000) * 600_000; ms <= endMs; ms += 600_000) {
    // A label needs room on both sides.
    const x = xOf(ms);
    if (x > 0.03 && x < 0.97) ticksX.push({ minuteMs: ms, x });
  }
  return {
    points,
    lines,
    ticksY: axis.ticks.map((percent) => ({ percent, y: yOf(percent) })),
    ticksX,
    targetY: yOf(target),
  };
}

/** The most frequent defect classes with their share of all defects. */
export function topClasses(
  pareto: LineStatus['pareto'],
  limit: number,
): { name: string; count: number; share: number; bar: number }[] {
  const total = pareto.reduce((sum, entry) => sum + entry.count, 0);
  const most = Math.max(1, ...pareto.map((entry) => entry.count));
  return pareto.slice(0, limit).map((entry) => ({
    name: entry.class,
    count: entry.count,
    share: total === 0 ? 0 : entry.count / total,
    bar: entry.count / most,
  }));
}
