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
  if (method === 'minmax') return new MinMax();
  if (method === 'percentile') return new Percentile(options);
  return new OfHistogram(new SignedHistogram(options.bins ?? defaultBins), (histogram, seen) =>
    method === 'entropy'
      ? entropyRange(histogram, options.quantizedBins ?? 128)
      : leastSquaresRange(histogram, seen, options.isSymmetric),
  );
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

/**
 * Bins that a histogram may grow to, in times of those that it began with. An outlier a hundred times as large as the first
 * values would ask for a hundred times as many, and the search of `entropy` takes their square: 400 s for one tensor.
 */
const maxGrowth = 2;

/** Counts per bin; bins are added in front and behind, and pairs merged when they become too many. */
class SignedHistogram {
  counts = new Float64Array(0);
  /** Largest magnitude covered. */
  threshold = 0;

  constructor(private readonly bins: number) {}

  get width(): number {
    return (2 * this.threshold) / this.counts.length;
  }

  edge(index: number): number {
    return Math.fround(-this.threshold + index * this.width);
  }

  add(values: Float32Array, magnitude: number): void {
    if (this.counts.length === 0 || this.threshold === 0) {
      const zeros = this.counts;
      this.counts = new Float64Array(this.bins);
      this.counts.set(zeros);
      this.threshold = magnitude;
    } else if (magnitude > this.threshold) {
      const { width } = this;
      this.widen(Math.floor((magnitude - this.threshold) / width) + 1);
      while (this.counts.length > maxGrowth * this.bins) this.mergePairs();
    }
    count(values, this.counts, -this.threshold, this.threshold);
  }

  /** Adds empty bins on both sides. */
  private widen(more: number): void {
    const { width } = this;
    const wider = new Float64Array(this.counts.length + 2 * more);
    wider.set(this.counts, more);
    this.counts = wider;
    this.threshold += more * width;
  }

  /** Half as many bins of twice the width, an edge still at 0. */
  private mergePairs(): void {
    if (this.counts.length % 4 !== 0) this.widen(1);
    this.counts = Float64Array.from(
      { length: this.counts.length / 2 },
      (_, i) => this.counts[2 * i]! + this.counts[2 * i + 1]!,
    );
  }
}

/** A range chosen from a histogram of the signed values. */
class OfHistogram implements RangeCollector {
  private readonly seen = new MinMax();

  constructor(
    private readonly histogram: SignedHistogram,
    private readonly choose: (histogram: SignedHistogram, seen: Range) => Range,
  ) {}

  add(values: Float32Array): void {
    if (values.length === 0) return;
    const own = new MinMax();
    own.add(values);
    const { low, high } = own.range();
    this.seen.add(Float32Array.of(low, high));
    this.histogram.add(values, Math.max(Math.abs(low), Math.abs(high)));
  }

  range(): Range {
    const seen = this.seen.range();
    return this.histogram.threshold === 0 ? seen : within(this.choose(this.histogram, seen), seen);
  }
}

class Percentile implements RangeCollector {
  private readonly seen = new MinMax();
  private readonly signed: SignedHistogram;
  private magnitudes = new Float64Array(0);
  private first = 0;
  private last = 0;
  private readonly share: number;

  constructor(private readonly options: CollectorOptions) {
    this.signed = new SignedHistogram(options.bins ?? defaultBins);
    this.share = (options.percentile ?? 99.999) / 100;
  }

  add(values: Float32Array): void {
    if (values.length === 0) return;
    const own = new MinMax();
    own.add(values);
    const { low, high } = own.range();
    this.seen.add(Float32Array.of(low, high));
    if (this.options.isSymmetric) this.addMagnitudes(values.map(Math.abs));
    else this.signed.add(values, Math.max(Math.abs(low), Math.abs(high)));
  }

  range(): Range {
    const seen = this.seen.range();
    if (this.options.isSymmetric) {
      if (this.magnitudes.length === 0) return seen;
      const width = (this.last - this.first) / this.magnitudes.length;
      const cut = Math.fround(this.first + rankOf(this.magnitudes, this.share) * width);
      return within({ low: -cut, high: cut }, seen);
    }
    if (this.signed.threshold === 0) return seen;
    const outside = (1 - this.share) / 2;
    const [left, right] = [rankOf(this.signed.counts, outside), rankOf(this.signed.counts, 1 - outside)];
    return within({ low: this.signed.edge(left), high: this.signed.edge(right) }, seen);
  }

  /** Bins begin at the smallest magnitude of the first values, and are added behind. */
  private addMagnitudes(values: Float32Array): void {
    const own = new MinMax();
    own.add(values);
    const { low, high } = own.range();
    if (this.magnitudes.length === 0 || this.last === this.first) {
      const before = this.magnitudes.reduce((sum, n) => sum + n, 0);
      this.magnitudes = new Float64Array(this.options.bins ?? defaultBins);
      this.magnitudes[0] = before;
      this.first = low;
      this.last = high;
    } else if (high > this.last) {
      const width = (this.last - this.first) / this.magnitudes.length;
      const more = Math.ceil((high - this.last) / width);
      const wider = new Float64Array(this.magnitudes.length + more);
      wider.set(this.magnitudes);
      this.magnitudes = wider;
      this.last += more * width;
    }
    count(values, this.magnitudes, this.first, this.last);
  }
}

/** Adds values to the bins between two edges; what lies outside counts in the outermost bin. */
function count(values: Float32Array, counts: Float64Array, low: number, high: number): void {
  const scale = high > low ? counts.length / (high - low) : 0;
  const last = counts.length - 1;
  for (let i = 0; i < values.length; i++) {
    const bin = Math.floor((values[i]! - low) * scale);
    counts[Math.max(0, Math.min(bin, last))]!++;
  }
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

function within(range: Range, seen: Range): Range {
  return { low: Math.max(range.low, seen.low), high: Math.min(range.high, seen.high) };
}

/** Windows around zero of growing size; the one whose merged and expanded distribution is nearest in Kullback-Leibler divergence. */
function entropyRange(histogram: SignedHistogram, levels: number): Range {
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

function leastSquaresRange(histogram: SignedHistogram, seen: Range, isSymmetric: boolean): Range {
  const centres = Float64Array.from(histogram.counts, (_, i) => -histogram.threshold + (i + 0.5) * histogram.width);
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
