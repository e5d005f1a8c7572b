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
 * rounded half up (mmdetection), or down (torchvision, whose scale is float32: `side / length` in PyTorch is
 * `(1 / length) * side`, so that a side may come out one px short).
 */
export function placeByRule(
  sourceHw: readonly [number, number],
  { shortSide, longSide }: { readonly shortSide: number; readonly longSide: number },
  conventions: ModelConfig['conventions'],
): Placement {
  const { fround } = Math;
  const isTorchvision = conventions === 'torchvision';
  const ratio = isTorchvision ? (a: number, b: number) => fround(a * fround(1 / b)) : (a: number, b: number) => a / b;
  const scale = Math.min(ratio(shortSide, Math.min(...sourceHw)), ratio(longSide, Math.max(...sourceHw)));
  const side = (length: number) => Math.max(1, Math.floor(length * scale + (isTorchvision ? 0 : 0.5)));
  const [h, w] = [side(sourceHw[0]), side(sourceHw[1])];
  return { sizeHw: [h, w], scaleY: h / sourceHw[0], scaleX: w / sourceHw[1] };
}

/** Side of the network input that holds `length` px: the next multiple of 32. */
export const paddedSide = (length: number) => 32 * Math.ceil(length / 32);

/**
 * A box of the network's image in pixels of its source, limited to it.
 * @param placement network px = source px * scale + offset; no offset when absent
 */
export function boxToSource(
  [x1, y1, x2, y2]: readonly [number, number, number, number],
  placement: Pick<Placement, 'scaleX' | 'scaleY'> & { readonly left?: number; readonly top?: number },
  source: { readonly width: number; readonly height: number },
): [number, number, number, number] {
  const { scaleX, scaleY, left = 0, top = 0 } = placement;
  const x = (value: number) => Math.min(source.width, Math.max(0, (value - left) / scaleX));
  const y = (value: number) => Math.min(source.height, Math.max(0, (value - top) / scaleY));
  return [x(x1), y(y1), x(x2), y(y2)];
}
