/**
 * Positions 0..n-1 ordered by descending score; equal scores keep their order (numpy's argsort(-scores, kind='mergesort')).
 * A merge sort over indices: TypedArray.sort with a comparator is several times slower.
 */
export function orderByDescendingScore(scores: Float64Array): Int32Array {
  const n = scores.length;
  let from = Int32Array.from({ length: n }, (_, i) => i);
  let to = new Int32Array(n);
  for (let width = 1; width < n; width *= 2) {
    for (let low = 0; low < n; low += 2 * width)
      mergeRuns(scores, from, to, low, Math.min(low + width, n), Math.min(low + 2 * width, n));
    [from, to] = [to, from];
  }
  return from;
}

function mergeRuns(
  scores: Float64Array,
  from: Int32Array,
  to: Int32Array,
  low: number,
  middle: number,
  high: number,
): void {
  let left = low;
  let right = middle;
  for (let out = low; out < high; out++) {
    const takeLeft = right >= high || (left < middle && scores[from[left]!]! >= scores[from[right]!]!);
    to[out] = takeLeft ? from[left++]! : from[right++]!;
  }
}

/** Rows grouped by key: rows of key k are `rows[starts[k]] ... rows[starts[k + 1] - 1]`, in their original order. */
export interface Groups {
  /** [keys + 1] */
  readonly starts: Int32Array;
  /** [rows] */
  readonly rows: Int32Array;
}

/** Stable counting sort of `rows` (all rows when absent) by `keys[row]`, 0 <= key < keyCount. */
export function groupRows(keys: Int32Array, keyCount: number, rows?: Int32Array): Groups {
  const count = rows ? rows.length : keys.length;
  const starts = new Int32Array(keyCount + 1);
  for (let i = 0; i < count; i++) starts[keys[rows ? rows[i]! : i]! + 1]!++;
  for (let k = 0; k < keyCount; k++) starts[k + 1]! += starts[k]!;
  const next = starts.slice(0, keyCount);
  const grouped = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const row = rows ? rows[i]! : i;
    grouped[next[keys[row]!]!++] = row;
  }
  return { starts, rows: grouped };
}
