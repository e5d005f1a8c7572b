import { roundHalfEven } from './round-half-even.js';

export interface AnchorOptions {
  /** Distance of neighbouring cells in px, [vertical, horizontal]; `stride` both ways when absent. See {@link gridStrideHw}. */
  readonly strideHw?: readonly [number, number];
  /** Corners of the anchor of cell (0, 0) are rounded to integers, halves to the even one, as torchvision does. */
  readonly roundedBase?: boolean;
}

/**
 * Anchors of one pyramid level, flat [h * w * ratios * 4] xyxy px in the order (row, column, ratio).
 * An anchor is centred at (x * stride, y * stride); side = scale * stride, width = side / sqrt(r), height = side * sqrt(r).
 * Source: mmdetection AnchorGenerator, centre offset 0 (decoupled-rcnn specification, section 3.1); the options are what
 * torchvision's AnchorGenerator does differently.
 */
export function levelAnchors(
  sizeHw: readonly [number, number],
  stride: number,
  scale: number,
  ratios: readonly number[],
  { strideHw = [stride, stride], roundedBase = false }: AnchorOptions = {},
): Float32Array {
  const [h, w] = sizeHw;
  const out = new Float32Array(h * w * ratios.length * 4);
  const corner = roundedBase ? roundHalfEven : (v: number) => v;
  const halves = ratios.map((ratio) => {
    const root = Math.sqrt(ratio);
    return [corner((scale * stride) / root / 2), corner((scale * stride * root) / 2)] as const;
  });
  let at = 0;
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      for (const [halfW, halfH] of halves) {
        out[at++] = x * strideHw[1] - halfW;
        out[at++] = y * strideHw[0] - halfH;
        out[at++] = x * strideHw[1] + halfW;
        out[at++] = y * strideHw[0] + halfH;
      }
    }
  }
  return out;
}

/** Distance of the cells of a grid over a padded input in whole px, rounded down: torchvision's anchor stride. */
export function gridStrideHw(
  paddedHw: readonly [number, number],
  gridHw: readonly [number, number],
): [vertical: number, horizontal: number] {
  return [Math.floor(paddedHw[0] / gridHw[0]), Math.floor(paddedHw[1] / gridHw[1])];
}

/** Strides of P2..P6. */
export const pyramidStrides = [4, 8, 16, 32, 64] as const;

/** Feature map sizes of P2..P6 for a network input whose sides are multiples of 32; P6 halves P5, rounding up. */
export function pyramidSizesHw(inputHw: readonly [number, number]): [number, number][] {
  const [h, w] = inputHw;
  const sizes = [4, 8, 16, 32].map((s): [number, number] => [h / s, w / s]);
  return [...sizes, [Math.ceil(h / 64), Math.ceil(w / 64)]];
}
