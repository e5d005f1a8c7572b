export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}

/**
 * Durations of the recent past in a ring of fixed size: percentiles over the last `windowMs`, or over the newest
 * `capacity` values where more than that arrived.
 */
export class LatencyWindow {
  private readonly values: Float64Array;
  private readonly timesMs: Float64Array;
  private next = 0;
  private filled = 0;

  constructor(
    private readonly windowMs: number,
    private readonly capacity = 8192,
  ) {
    this.values = new Float64Array(capacity);
    this.timesMs = new Float64Array(capacity);
  }

  add(valueMs: number, nowMs: number): void {
    this.values[this.next] = valueMs;
    this.timesMs[this.next] = nowMs;
    this.next = (this.next + 1) % this.capacity;
    this.filled = Math.min(this.capacity, this.filled + 1);
  }

  /** Nearest-rank percentiles, ms; null when nothing arrived within the window. */
  percentiles(nowMs: number): Percentiles | null {
    const recent: number[] = [];
    for (let i = 0; i < this.filled; i++) {
      if (nowMs - this.timesMs[i]! <= this.windowMs) recent.push(this.values[i]!);
    }
    if (recent.length === 0) return null;
    recent.sort((a, b) => a - b);
    const rank = (p: number) => recent[Math.max(0, Math.ceil(p * recent.length) - 1)]!;
    return { p50: rank(0.5), p95: rank(0.95), p99: rank(0.99) };
  }

  /** Values per second over the window, measured from the oldest of them to `nowMs`. */
  ratePerSecond(nowMs: number): number {
    let count = 0;
    let oldestMs = nowMs;
    for (let i = 0; i < this.filled; i++) {
      const at = this.timesMs[i]!;
      if (nowMs - at > this.windowMs) continue;
      count += 1;
      oldestMs = Math.min(oldestMs, at);
    }
    return count < 2 ? 0 : (1000 * (count - 1)) / Math.max(1, nowMs - oldestMs);
  }
}
