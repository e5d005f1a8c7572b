/**
 * Greedy non-maximum suppression: a box goes when its IoU with a kept, better one is strictly above the threshold.
 * @param boxesXyxy [N * 4] px
 * @param order     indices by descending score; equal scores: lower index first
 * @param maxKeep   stops after this many kept boxes
 * @returns kept indices, best first
 * Source: torchvision.ops.nms semantics; ONNX NonMaxSuppression has the same strict test.
 */
export function nms(
  boxesXyxy: Float32Array,
  order: ArrayLike<number>,
  iouThreshold: number,
  maxKeep = Infinity,
): number[] {
  const n = order.length;
  const x1 = new Float32Array(n);
  const y1 = new Float32Array(n);
  const x2 = new Float32Array(n);
  const y2 = new Float32Array(n);
  const area = new Float32Array(n);
  for (let k = 0; k < n; k++) {
    const i = 4 * order[k]!;
    x1[k] = boxesXyxy[i]!;
    y1[k] = boxesXyxy[i + 1]!;
    x2[k] = boxesXyxy[i + 2]!;
    y2[k] = boxesXyxy[i + 3]!;
    area[k] = (x2[k]! - x1[k]!) * (y2[k]! - y1[k]!);
  }
  const gone = new Uint8Array(n);
  const kept: number[] = [];
  for (let a = 0; a < n; a++) {
    if (gone[a]) continue;
    kept.push(order[a]!);
    if (kept.length >= maxKeep) break;
    const ax1 = x1[a]!;
    const ay1 = y1[a]!;
    const ax2 = x2[a]!;
    const ay2 = y2[a]!;
    const areaA = area[a]!;
    for (let b = a + 1; b < n; b++) {
      if (gone[b]) continue;
      const w = Math.min(ax2, x2[b]!) - Math.max(ax1, x1[b]!);
      if (w <= 0) continue;
      const h = Math.min(ay2, y2[b]!) - Math.max(ay1, y1[b]!);
      if (h <= 0) continue;
      const intersection = w * h;
      if (intersection > iouThreshold * (areaA + area[b]! - intersection)) gone[b] = 1;
    }
  }
  return kept;
}

/** Indices of `scores` by descending score, ties to the lower index, cut to the best `k`. */
export function topKIndices(scores: Float32Array, k: number): Int32Array {
  const n = scores.length;
  let candidates: Int32Array;
  if (k >= n) candidates = Int32Array.from({ length: n }, (_, i) => i);
  else {
    // The k-th best value by sorting a copy natively is faster than sorting indices with a comparator.
    const cut = Float32Array.from(scores).sort()[n - k]!;
    candidates = new Int32Array(n);
    let count = 0;
    for (let i = 0; i < n; i++) if (scores[i]! >= cut) candidates[count++] = i;
    candidates = candidates.subarray(0, count);
  }
  return candidates.sort((a, b) => scores[b]! - scores[a]! || a - b).slice(0, k);
}
