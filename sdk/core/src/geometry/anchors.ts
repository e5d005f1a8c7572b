/**
 * Anchors of one pyramid level, flat [h * w * ratios * 4] xyxy px in the order (row, column, ratio).
 * An anchor is centred at (x * stride, y * stride); side = scale * stride, width = side / sqrt(r), height = side * sqrt(r).
 * Source: mmdetection AnchorGenerator, centre offset 0 (decoupled-rcnn specification, section 3.1).
 */
export function levelAnchors(
  sizeHw: readonly [number, number],
  stride: number,
  scale: number,
  ratios: readonly number[],
): Float32Array {
  const [h, w] = sizeHw;
  const out = new Float32Array(h * w * ratios.length * 4);
  let at = 0;
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      for (const ratio of ratios) {
        const halfW = (scale * stride) / Math.sqrt(ratio) / 2;
        const halfH = (scale * stride * Math.sqrt(ratio)) / 2;
        out[at++] = x * stride - halfW;
        out[at++] = y * stride - halfH;
        out[at++] = x * stride + halfW;
        out[at++] = y * stride + halfH;
      }
    }
  }
  return out;
}

/** Strides of P2..P6. */
export const pyramidStrides = [4, 8, 16, 32, 64] as const;

/** Feature map sizes of P2..P6 for a network input whose sides are multiples of 32; P6 halves P5, rounding up. */
export function pyramidSizesHw(inputHw: readonly [number, number]): [number, number][] {
  const [h, w] = inputHw;
  const sizes = [4, 8, 16, 32].map((s): [number, number] => [h / s, w / s]);
  return [...sizes, [Math.ceil(h / 64), Math.ceil(w / 64)]];
}
