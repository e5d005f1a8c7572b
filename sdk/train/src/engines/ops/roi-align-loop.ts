/** RoIAlign in plain loops, for the engines whose tensors lie in JavaScript's reach anyway (wasm, cpu). */

export interface RoiGrid {
  batch: number;
  height: number;
  width: number;
  channels: number;
  /** Bins per axis. */
  outSize: number;
  /** Samples per bin and axis. */
  samplingRatio: number;
}

/**
 * @param features [N, H, W, C]
 * @param rois [R, 5] as in `cropAndResizeRoiAlign`
 * @returns [R, P, P, C]
 */
export function alignRois(features: Float32Array, rois: Float32Array, grid: RoiGrid): Float32Array {
  const { outSize, channels, samplingRatio } = grid;
  const out = new Float32Array((rois.length / 5) * outSize * outSize * channels);
  const share = 1 / (samplingRatio * samplingRatio);
  forEachCorner(rois, grid, (bin, pixel, weight) => {
    const to = bin * channels;
    const from = pixel * channels;
    for (let c = 0; c < channels; c++) out[to + c]! += weight * share * features[from + c]!;
  });
  return out;
}

/**
 * The transpose of {@link alignRois}.
 * @param dy [R, P, P, C]
 * @returns gradient of the features [N, H, W, C]
 */
export function spreadRoiGradient(dy: Float32Array, rois: Float32Array, grid: RoiGrid): Float32Array {
  const { batch, height, width, channels, samplingRatio } = grid;
  const gradient = new Float32Array(batch * height * width * channels);
  const share = 1 / (samplingRatio * samplingRatio);
  forEachCorner(rois, grid, (bin, pixel, weight) => {
    const from = bin * channels;
    const to = pixel * channels;
    for (let c = 0; c < channels; c++) gradient[to + c]! += weight * share * dy[from + c]!;
  });
  return gradient;
}

/** Calls `visit` with each bin (index in [R, P, P]), pixel (index in [N, H, W]) and bilinear weight. */
function forEachCorner(
  rois: Float32Array,
  { height, width, outSize, samplingRatio }: RoiGrid,
  visit: (bin: number, pixel: number, weight: number) => void,
): void {
  const n = outSize * samplingRatio;
  for (let r = 0; r < rois.length / 5; r++) {
    const [image, x1, y1, x2, y2] = rois.subarray(5 * r, 5 * r + 5) as unknown as [
      number,
      number,
      number,
      number,
      number,
    ];
    const columns = Array.from({ length: n }, (_, i) => corners(x1 + ((x2 - x1) * (i + 0.5)) / n, width));
    for (let sy = 0; sy < n; sy++) {
      const row = corners(y1 + ((y2 - y1) * (sy + 0.5)) / n, height);
      if (!row) continue;
      for (let sx = 0; sx < n; sx++) {
        const column = columns[sx];
        if (!column) continue;
        const bin = (r * outSize + Math.floor(sy / samplingRatio)) * outSize + Math.floor(sx / samplingRatio);
        const top = (image * height + row.low) * width;
        const bottom = (image * height + row.high) * width;
        visit(bin, top + column.low, (1 - row.part) * (1 - column.part));
        visit(bin, top + column.high, (1 - row.part) * column.part);
        visit(bin, bottom + column.low, row.part * (1 - column.part));
        visit(bin, bottom + column.high, row.part * column.part);
      }
    }
  }
}

/** The two pixels around a coordinate and how far it lies towards the second; undefined beyond one pixel outside. */
function corners(coordinate: number, size: number): { low: number; high: number; part: number } | undefined {
  if (coordinate < -1 || coordinate > size) return undefined;
  const inside = Math.min(Math.max(coordinate, 0), size - 1);
  const low = Math.floor(inside);
  return { low, high: Math.min(low + 1, size - 1), part: inside - low };
}
