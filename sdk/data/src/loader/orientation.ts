import type { TrainConfig } from '@plumbline/contract';
import type { Random } from '@plumbline/core/random';
import type { LabelledImage } from './labelled-image.js';

/** One of the eight ways to lay an image down: rows become columns first, then it is mirrored. */
export interface Orientation {
  readonly transpose: boolean;
  readonly horizontal: boolean;
  readonly vertical: boolean;
}

/** Quarter turns clockwise. */
const quarterTurns: readonly Orientation[] = [
  { transpose: false, horizontal: false, vertical: false },
  { transpose: true, horizontal: true, vertical: false },
  { transpose: false, horizontal: true, vertical: true },
  { transpose: true, horizontal: false, vertical: true },
];

export const drawTurn = (random: Random): Orientation => quarterTurns[random.int(4)]!;
export const upright = quarterTurns[0]!;

export function drawFlip(augment: TrainConfig['augment'], isSquare: boolean, random: Random): Orientation {
  // Every number is drawn whether used or not, so that a switched-off augmentation does not move the others.
  const [h, v, t] = [random.next(), random.next(), random.next()];
  return {
    horizontal: augment.flipHorizontal && h < 0.5,
    vertical: augment.flipVertical && v < 0.5,
    transpose: augment.transpose && isSquare && t < 0.5,
  };
}

/** `first`, then `second`. A transposition turns a mirroring before it into the other one after it. */
export function compose(first: Orientation, second: Orientation): Orientation {
  const [h, v] = second.transpose ? [first.vertical, first.horizontal] : [first.horizontal, first.vertical];
  return {
    transpose: first.transpose !== second.transpose,
    horizontal: h !== second.horizontal,
    vertical: v !== second.vertical,
  };
}

/** Height and width after `orientation`. */
export const orientedHw = (
  [height, width]: readonly [number, number],
  orientation: Orientation,
): readonly [number, number] => (orientation.transpose ? [width, height] : [height, width]);

/** Boxes of the oriented image, in its pixels. */
export function orientBoxes(image: LabelledImage, orientation: Orientation): Float32Array {
  const [height, width] = orientedHw([image.height, image.width], orientation);
  const out = new Float32Array(image.boxesXyxy.length);
  for (let i = 0; i < out.length; i += 4) {
    let [x1, y1, x2, y2] = image.boxesXyxy.subarray(i, i + 4) as unknown as [number, number, number, number];
    if (orientation.transpose) [x1, y1, x2, y2] = [y1, x1, y2, x2];
    if (orientation.horizontal) [x1, x2] = [width - x2, width - x1];
    if (orientation.vertical) [y1, y2] = [height - y2, height - y1];
    out.set([x1, y1, x2, y2], i);
  }
  return out;
}
