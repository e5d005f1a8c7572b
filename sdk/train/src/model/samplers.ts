import { background } from '@plumbline/core/geometry';

/** Picks `k` of the candidate indices; injected so that tests and golden data can take the first k. */
export type Choose = (candidates: Int32Array, k: number) => Int32Array;

export interface Sample {
  readonly positive: Int32Array;
  readonly negative: Int32Array;
}

/**
 * At most `count * positiveFraction` positives, filled with negatives up to `count`.
 * @param gtIndex [N] from the matcher
 * Source: Faster R-CNN section 3.1.3; mmdetection RandomSampler.
 */
export function randomSample(gtIndex: Int32Array, count: number, positiveFraction: number, choose: Choose): Sample {
  const positives = indicesWhere(gtIndex, (g) => g >= 0);
  const negatives = indicesWhere(gtIndex, (g) => g === background);
  const positive = pick(positives, Math.floor(count * positiveFraction), choose);
  return { positive, negative: pick(negatives, count - positive.length, choose) };
}

/**
 * Every positive up to `count`, padded with negatives (which carry no loss).
 * Source: Decoupled R-CNN section III-C; the authors' PositiveSampler.
 */
export function positiveSample(gtIndex: Int32Array, count: number, choose: Choose): Sample {
  const positive = pick(
    indicesWhere(gtIndex, (g) => g >= 0),
    count,
    choose,
  );
  const negatives = indicesWhere(gtIndex, (g) => g === background);
  return { positive, negative: pick(negatives, count - positive.length, choose) };
}

function pick(candidates: Int32Array, k: number, choose: Choose): Int32Array {
  return candidates.length <= k ? candidates : choose(candidates, k);
}

function indicesWhere(values: Int32Array, test: (value: number) => boolean): Int32Array {
  const out = new Int32Array(values.length);
  let count = 0;
  for (let i = 0; i < values.length; i++) if (test(values[i]!)) out[count++] = i;
  return out.slice(0, count);
}
