import { type DecodeOptions, decodeBoxes, type Stds } from '@plumbline/core/geometry';

/**
 * Moves each box by one of its deltas.
 * @param boxesXyxy [R * 4] px
 * @param deltas    [R * 4C] class-specific or [R * 4] class-agnostic
 * @param clipHw    unpadded [height, width] px
 * @param classOf   class of a row; asked only where deltas are class-specific
 * @param options  clamp of the deltas
 * @returns [R * 4] px
 */
export function refineBoxes(
  boxesXyxy: Float32Array,
  deltas: Float32Array,
  stds: Stds,
  clipHw: readonly [number, number],
  classOf: (row: number) => number,
  options: DecodeOptions = {},
): Float32Array {
  if (deltas.length === boxesXyxy.length) return decodeBoxes(boxesXyxy, deltas, stds, clipHw, options);
  const count = boxesXyxy.length / 4;
  const classes = deltas.length / boxesXyxy.length;
  const picked = new Float32Array(count * 4);
  for (let row = 0; row < count; row++) {
    const at = 4 * (row * classes + classOf(row));
    picked.set(deltas.subarray(at, at + 4), 4 * row);
  }
  return decodeBoxes(boxesXyxy, picked, stds, clipHw, options);
}

/** Foreground class with the highest logit, even where the background's is higher. @param logits [R * (C + 1)] */
export function bestForeground(logits: Float32Array, row: number, classes: number): number {
  const start = row * (classes + 1);
  let best = 0;
  for (let c = 1; c < classes; c++) if (logits[start + c]! > logits[start + best]!) best = c;
  return best;
}

/** Clips each box to its own image, in place. @param clipHwOf unpadded [height, width] px of a row's image */
export function clipRows(boxesXyxy: Float32Array, clipHwOf: (row: number) => readonly [number, number]): Float32Array {
  for (let at = 0; at < boxesXyxy.length; at++) {
    const [height, width] = clipHwOf(at >> 2);
    boxesXyxy[at] = Math.min(boxesXyxy[at]!, at % 2 === 0 ? width : height);
  }
  return boxesXyxy;
}
