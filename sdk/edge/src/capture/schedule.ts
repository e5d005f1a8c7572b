/**
 * Due times of a paced source: tick n is due at start + n * interval, so that rounding and late wake-ups do not add
 * up. A source that falls behind by more than `maxBehindTicks` starts a new schedule instead of a burst.
 */
export class Schedule {
  private originMs: number;
  private tick = 0;

  constructor(
    private readonly intervalMs: number,
    startMs: number,
    private readonly maxBehindTicks = 3,
  ) {
    this.originMs = startMs;
  }

  /** Time to wait from `nowMs` until the next tick is due (0 when it is due already); counts that tick. */
  nextDelayMs(nowMs: number): number {
    const dueMs = this.originMs + this.tick * this.intervalMs;
    this.tick += 1;
    if (nowMs - dueMs > this.maxBehindTicks * this.intervalMs) {
      this.originMs = nowMs;
      this.tick = 1;
      return 0;
    }
    return Math.max(0, dueMs - nowMs);
  }
}
