/** Shapes in this module: boxes [N * 4] flat xyxy px, width = x2 - x1 (no +1). */

/** Intersection over union of box `i` of `a` and box `j` of `b`; 0 when both are empty. */
export function iou(a: Float32Array, i: number, b: Float32Array, j: number): number {
  const ax1 = a[4 * i]!;
  const ay1 = a[4 * i + 1]!;
  const ax2 = a[4 * i + 2]!;
  const ay2 = a[4 * i + 3]!;
  const bx1 = b[4 * j]!;
  const by1 = b[4 * j + 1]!;
  const bx2 = b[4 * j + 2]!;
  const by2 = b[4 * j + 3]!;
  const w = Math.min(ax2, bx2) - Math.max(ax1, bx1);
  if (w <= 0) return 0;
  const h = Math.min(ay2, by2) - Math.max(ay1, by1);
  if (h <= 0) return 0;
  const intersection = w * h;
  const union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - intersection;
  return union > 0 ? intersection / union : 0;
}

/** All pairs: [N, M] row-major. */
export function iouMatrix(a: Float32Array, b: Float32Array): Float32Array {
  const n = a.length / 4;
  const m = b.length / 4;
  const out = new Float32Array(n * m);
  for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) out[i * m + j] = iou(a, i, b, j);
  return out;
}
