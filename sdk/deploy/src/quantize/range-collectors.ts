/** Shapes in this module: a histogram has n bins of one width and n + 1 edges. */

/** Values of a tensor that its 8 bits have to cover. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

export const calibrationMethods = ['minmax', 'entropy', 'percentile', 'mse'] as const;
export type CalibrationMethod = (typeof calibrationMethods)[number];

export interface CollectorOptions {
  /** The range will be widened to +-max(|low|, |high|). */
  readonly isSymmetric: boolean;
  /** Bins of the first values; wider values add bins of the same width. 2,048 when absent. */
  readonly bins?: number;
  /** `entropy`: levels that a candidate range is divided into. 128 when absent. */
  readonly quantizedBins?: number;
  /** `percentile`: share of the values that the range covers, percent. 99.999 when absent. */
  readonly percentile?: number;
}

/** Sees the values of one tensor image by image and keeps no more than a histogram of them. */
export interface RangeCollector {
  add(values: Float32Array): void;
  /** Of all values so far; both ends 0 when there were none. */
  range(): Range;
}

/**
 * `minmax` covers every value. `entropy` cuts where the clipped distribution loses least information (8-bit Inference
 * with TensorRT, GTC 2017, S7310). `percentile` covers a share of the values. `mse` shrinks the full range in steps of
 * 1 % to where the squared error of clipping and rounding together is least.
 * The first three equal ONNX Runtime's quantizer (1.30), except that its entropy has 128 bins by default, which leaves
 * one candidate, the full range.
 */
export function createCollector(method: CalibrationMethod, options: CollectorOptions): RangeCollector {
  const { isSymmetric, quantizedBins = 128, percentile = 99.999 } = options;
  const histogram = new Histogram(options.bins ?? defaultBins);
  switch (method) {
    case 'minmax':
      return new MinMax();
    case 'entropy':
      return new OfHistogram(histogram, false, () => entropyRange(histogram, quantizedBins));
    case 'percentile':
      return new OfHistogram(histogram, isSymmetric, () => percentileRange(histogram, percentile / 100, isSymmetric));
    case 'mse':
      return new OfHistogram(histogram, false, (seen) => leastSquaresRange(histogram, seen, isSymmetric));
  }
}

const defaultBins = 2048;

class MinMax implements RangeCollector {
  private low = Number.POSITIVE_INFINITY;
  private high = Number.NEGATIVE_INFINITY;

  add(values: Float32Array): void {
    let { low, high } = this;
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    this.low = low;
    this.high = high;
  }

  range(): Range {
    return this.low <= this.high ? { low: this.low, high: this.high } : { low: 0, high: 0 };
  }
}

/** Smallest and largest of some values. */
function extremes(values: Float32Array): Range {
  const own = new MinMax();
  own.add(values);
  return own.range();
}

/**
 * Bins that a histogram may grow to, in times of those that it began with. An outlier a hundred times as large as the first
 * values would ask for a hundred times as many, and the search of `entropy` takes their square: 400 s for one tensor.
 */
const maxGrowth = 2;

/** Counts per bin; bins are added in front and behind, and pairs merged before they become too many. */
class Histogram {
  counts = new Float64Array(0);
  /** First and last edge; equal until two different values were seen. */
  low = 0;
  high = 0;

  constructor(private readonly bins: number) {}

  get width(): number {
    return (this.high - this.low) / this.counts.length;
  }

  edge(index: number): number {
    return Math.fround(this.low + index * this.width);
  }

  /** @param low, high what the bins have to cover, at least every value */
  add(values: Float32Array, { low, high }: Range): void {
    if (this.low === this.high) this.begin(low, high);
    else {
      while (this.counts.length + this.missing(low, high).both > maxGrowth * this.bins) this.mergePairs();
      const { front, behind } = this.missing(low, high);
      this.widen(front, behind);
    }
    const { counts, low: first } = this;
    const last = counts.length - 1;
    const binsPerUnit = this.high > first ? counts.length / (this.high - first) : 0;
    for (let i = 0; i < values.length; i++) {
      const bin = Math.floor((values[i]! - first) * binsPerUnit);
      counts[Math.max(0, Math.min(bin, last))]!++;
    }
  }

  /** Spreads the bins over the first range that has an extent; what was counted before was one value. */
  private begin(low: number, high: number): void {
    const before = this.counts.reduce((sum, n) => sum + n, 0);
    const value = this.low;
    this.counts = new Float64Array(this.bins);
    this.low = before > 0 ? Math.min(low, value) : low;
    this.high = before > 0 ? Math.max(high, value) : high;
    if (before === 0) return;
    const bin = this.width > 0 ? Math.floor((value - this.low) / this.width) : 0;
    this.counts[Math.min(bin, this.bins - 1)] = before;
  }

  private missing(low: number, high: number): { front: number; behind: number; both: number } {
    const binsOver = (distance: number) => (distance > 0 ? Math.floor(distance / this.width) + 1 : 0);
    const [front, behind] = [binsOver(this.low - low), binsOver(high - this.high)];
    return { front, behind, both: front + behind };
  }

  private widen(front: number, behind: number): void {
    if (front + behind === 0) return;
    const { width } = this;
    const wider = new Float64Array(this.counts.length + front + behind);
    wider.set(this.counts, front);
    this.counts = wider;
    this.low -= front * width;
    this.high += behind * width;
  }

  /** Half as many bins of twice the width; the edge in the middle stays one. */
  private mergePairs(): void {
    if (this.counts.length % 4 !== 0) this.widen(1, 1);
    this.counts = Float64Array.from(
      { length: this.counts.length / 2 },
      (_, i) => this.counts[2 * i]! + this.counts[2 * i + 1]!,
    );
  }
}

/** A range chosen from a histogram: of the values about 0, or of their magnitudes. */
class OfHistogram implements RangeCollector {
  private readonly seen = new MinMax();

  constructor(
    private readonly histogram: Histogram,
    private readonly isOfMagnitudes: boolean,
    private readonly choose: (seen: Range) => Range,
  ) {}

  add(values: Float32Array): void {
    if (values.length === 0) return;
    const { low, high } = extremes(values);
    this.seen.add(Float32Array.of(low, high));
    if (this.isOfMagnitudes) {
      const magnitudes = values.map(Math.abs);
      this.histogram.add(magnitudes, extremes(magnitudes));
    } else {
      const reach = Math.max(Math.abs(low), Math.abs(high));
      this.histogram.add(values, { low: -reach, high: reach });
    }
  }

  range(): Range {
    const seen = this.seen.range();
    if (this.histogram.low === this.histogram.high) return seen;
    const { low, high } = this.choose(seen);
    return { low: Math.max(low, seen.low), high: Math.min(high, seen.high) };
  }
}

/** @param isOfMagnitudes the histogram counts magnitudes: cut at both sides alike */
function percentileRange(histogram: Histogram, share: number, isOfMagnitudes: boolean): Range {
  if (isOfMagnitudes) {
    const cut = histogram.edge(rankOf(histogram.counts, share));
    return { low: -cut, high: cut };
  }
  const outside = (1 - share) / 2;
  const [left, right] = [rankOf(histogram.counts, outside), rankOf(histogram.counts, 1 - outside)];
  return { low: histogram.edge(left), high: histogram.edge(right) };
}

/** First bin up to which at least `share` of the counts lie. */
function rankOf(counts: Float64Array, share: number): number {
  const total = counts.reduce((sum, n) => sum + n, 0);
  let sum = 0;
  for (let i = 0; i < counts.length; i++) {
    sum += counts[i]! / total;
    if (sum >= share) return i;
  }
  return counts.length - 1;
}

/** Windows around zero of growing size; the one whose merged and expanded distribution is nearest in Kullback-Leibler divergence. */
function entropyRange(histogram: Histogram, levels: number): Range {
  const { counts } = histogram;
  const zero = Math.floor(counts.length / 2);
  const total = counts.reduce((sum, n) => sum + n, 0);
  let best = { divergence: Number.POSITIVE_INFINITY, start: 0, end: counts.length };
  for (let half = Math.floor(levels / 2); half <= zero; half++) {
    const start = zero - half;
    const end = Math.min(zero + half + 1, counts.length);
    const divergence = divergenceOf(counts, start, end, levels, total);
    if (divergence < best.divergence) best = { divergence, start, end };
  }
  return { low: histogram.edge(best.start), high: histogram.edge(best.end) };
}

/** Share that an empty bin gets so that the divergence is defined; the other bins give it. */
const smoothing = 1e-4;

function divergenceOf(counts: Float64Array, start: number, end: number, levels: number, total: number): number {
  const size = end - start;
  const reference = counts.slice(start, end);
  const inside = reference.reduce((sum, n) => sum + n, 0);
  let left = 0;
  for (let i = 0; i < start; i++) left += counts[i]!;
  reference[0]! += left;
  reference[size - 1]! += total - inside - left;
  const candidate = new Float64Array(size);
  const merged = Math.floor(size / levels);
  for (let level = 0; level < levels; level++) {
    const from = level * merged;
    let sum = 0;
    let filled = 0;
    for (let i = from; i < from + merged; i++) {
      sum += counts[start + i]!;
      if (reference[i]! !== 0) filled++;
    }
    // What does not divide evenly counts in the last level, which is still spread over its own bins only.
    if (level === levels - 1) for (let i = levels * merged; i < size; i++) sum += counts[start + i]!;
    if (filled > 0) candidate.fill(Math.trunc(sum / filled), from, from + merged);
  }
  const p = smoothed(reference);
  const q = smoothed(candidate);
  if (!p || !q) return Number.POSITIVE_INFINITY;
  const [sumP, sumQ] = [p.reduce((a, b) => a + b, 0), q.reduce((a, b) => a + b, 0)];
  let divergence = 0;
  for (let i = 0; i < size; i++) {
    const share = p[i]! / sumP;
    divergence += share * Math.log(share / (q[i]! / sumQ));
  }
  return Math.fround(divergence);
}

function smoothed(counts: Float64Array): Float32Array | undefined {
  const filled = counts.reduce((sum, n) => sum + (n === 0 ? 0 : 1), 0);
  if (filled === 0) return undefined;
  const given = (smoothing * (counts.length - filled)) / filled;
  return Float32Array.from(counts, (n) => (n === 0 ? smoothing : n - given));
}

function leastSquaresRange(histogram: Histogram, seen: Range, isSymmetric: boolean): Range {
  const centres = Float64Array.from(histogram.counts, (_, i) => histogram.low + (i + 0.5) * histogram.width);
  const ends = (share: number): Range => {
    const [low, high] = [Math.min(seen.low, 0) * share, Math.max(seen.high, 0) * share];
    const magnitude = Math.max(-low, high);
    return isSymmetric ? { low: -magnitude, high: magnitude } : { low, high };
  };
  let best = { error: Number.POSITIVE_INFINITY, share: 1 };
  for (let percent = 100; percent >= 20; percent--) {
    const { low, high } = ends(percent / 100);
    const step = (high - low) / (isSymmetric ? 254 : 255);
    let error = 0;
    for (let i = 0; i < centres.length; i++) {
      if (histogram.counts[i] === 0) continue;
      const value = centres[i]!;
      const clipped = Math.min(Math.max(value, low), high);
      // Within the range the rounding error is uniform: step^2 / 12 on average.
      const off = value - clipped;
      error += histogram.counts[i]! * (off * off + (step * step) / 12);
    }
    if (error < best.error) best = { error, share: percent / 100 };
  }
  return ends(best.share);
}
