/** A set of uint64 kept as ascending ranges that neither touch nor overlap: memory grows with the holes, not the members. */
export class RangeSet {
  private readonly ranges: [from: bigint, to: bigint][] = [];

  has(value: bigint): boolean {
    const range = this.ranges[this.firstEndingAtOrAfter(value)];
    return range !== undefined && range[0] <= value;
  }

  /** Adds from..to, both inclusive. */
  add(from: bigint, to: bigint = from): void {
    const start = this.firstEndingAtOrAfter(from - 1n);
    let end = start;
    const merged: [bigint, bigint] = [from, to];
    for (let range = this.ranges[end]; range !== undefined && range[0] <= to + 1n; range = this.ranges[++end]) {
      if (range[0] < merged[0]) merged[0] = range[0];
      if (range[1] > merged[1]) merged[1] = range[1];
    }
    this.ranges.splice(start, end - start, merged);
  }

  /** Last member of the run that `value` belongs to or that begins right after it; `value` itself when there is none. */
  endOfRunAfter(value: bigint): bigint {
    const range = this.ranges[this.firstEndingAtOrAfter(value)];
    return range !== undefined && range[0] <= value + 1n ? range[1] : value;
  }

  /** Ranges between `after` (exclusive) and the highest member that hold no member. */
  holesAfter(after: bigint): [from: bigint, to: bigint][] {
    const holes: [bigint, bigint][] = [];
    let last = after;
    for (const [from, to] of this.ranges) {
      if (from > last + 1n) holes.push([last + 1n, from - 1n]);
      if (to > last) last = to;
    }
    return holes;
  }

  get lowest(): bigint | undefined {
    return this.ranges[0]?.[0];
  }

  get highest(): bigint | undefined {
    return this.ranges.at(-1)?.[1];
  }

  /** Index of the first range with `to >= value`. Streams grow at their end, which is looked at first. */
  private firstEndingAtOrAfter(value: bigint): number {
    const { ranges } = this;
    if (ranges.length === 0 || ranges.at(-1)![1] < value) return ranges.length;
    let low = 0;
    let high = ranges.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ranges[middle]![1] < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
