import type { ModelConfig } from '@plumbline/contract';

/** How a source image lies inside the network input: scaled with its ratio kept, padded at the right and bottom. */
export interface Placement {
  readonly sizeHw: readonly [number, number];
  readonly scaleY: number;
  readonly scaleX: number;
}

/** Scale that fits `sourceHw` into `networkHw`; sides are rounded half up. */
export function placeImage(sourceHw: readonly [number, number], networkHw: readonly [number, number]): Placement {
  const scale = Math.min(networkHw[0] / sourceHw[0], networkHw[1] / sourceHw[1]);
  const h = Math.min(networkHw[0], Math.floor(sourceHw[0] * scale + 0.5));
  const w = Math.min(networkHw[1], Math.floor(sourceHw[1] * scale + 0.5));
  return { sizeHw: [h, w], scaleY: h / sourceHw[0], scaleX: w / sourceHw[1] };
}

/**
 * Scale by which the shorter side becomes `shortSide`, or the longer one `longSide` if it would exceed that. Sides are
 * rounded half up (mmdetection), or down after a float32 scale (torchvision).
 */
export function placeByRule(
  sourceHw: readonly [number, number],
  { shortSide, longSide }: { readonly shortSide: number; readonly longSide: number },
  conventions: ModelConfig['conventions'],
): Placement {
  const scale = Math.min(shortSide / Math.min(...sourceHw), longSide / Math.max(...sourceHw));
  const scaled =
    conventions === 'torchvision'
      ? (length: number) => Math.floor(length * Math.fround(scale))
      : (length: number) => Math.floor(length * scale + 0.5);
  const side = (length: number) => Math.max(1, scaled(length));
  const [h, w] = [side(sourceHw[0]), side(sourceHw[1])];
  return { sizeHw: [h, w], scaleY: h / sourceHw[0], scaleX: w / sourceHw[1] };
}

/** Side of the network input that holds `length` px: the next multiple of 32. */
export const paddedSide = (length: number) => 32 * Math.ceil(length / 32);
