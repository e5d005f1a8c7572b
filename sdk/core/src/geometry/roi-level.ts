/** Which rounding {@link roiLevel} follows; they differ only within a few millionths of a boundary. */
export type RoiLevelRule = 'mmdetection' | 'torchvision';

/**
 * Pyramid level index (0 = P2 .. 3 = P5) that a region is pooled from. An empty or inverted box gives 0.
 * Source: FPN (arXiv:1612.03144) eq. 1, clamped. mmdetection writes floor(log2(sqrt(w h) / 56 + 1e-6)); torchvision's
 * LevelMapper floor(4 + log2(sqrt(w h) / 224) + 1e-6) in float32, with P2 = 2.
 */
export function roiLevel(x1: number, y1: number, x2: number, y2: number, rule: RoiLevelRule = 'mmdetection'): number {
  const area = (x2 - x1) * (y2 - y1);
  if (!(area > 0)) return 0;
  const level =
    rule === 'mmdetection' ? Math.floor(Math.log2(Math.sqrt(area) / 56 + 1e-6)) : torchvisionLevel(area) - 2;
  return Math.max(0, Math.min(3, level));
}

function torchvisionLevel(area: number): number {
  const { fround } = Math;
  const logarithm = fround(Math.log2(fround(fround(Math.sqrt(fround(area))) / 224)));
  return Math.floor(fround(fround(4 + logarithm) + fround(1e-6)));
}
