/**
 * Pyramid level index (0 = P2 .. 3 = P5) that a region is pooled from.
 * Source: FPN (arXiv:1612.03144) eq. 1 as mmdetection writes it: floor(log2(sqrt(w h) / 56 + 1e-6)), clamped.
 */
export function roiLevel(x1: number, y1: number, x2: number, y2: number): number {
  const area = (x2 - x1) * (y2 - y1);
  if (!(area > 0)) return 0;
  return Math.max(0, Math.min(3, Math.floor(Math.log2(Math.sqrt(area) / 56 + 1e-6))));
}
