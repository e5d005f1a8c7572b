import type { Random } from '@plumbline/core/random';
import { type BoxXyxy, boxAt, type LabelledImage, type Window } from './labelled-image.js';

/** Positions that are tried before a window is made larger instead. */
const attempts = 10;

const overlaps = ([x1, y1, x2, y2]: BoxXyxy, w: Window) =>
  x1 < w.x + w.width && x2 > w.x && y1 < w.y + w.height && y2 > w.y;

const isInside = ([x1, y1, x2, y2]: BoxXyxy, w: Window) =>
  x1 >= w.x && y1 >= w.y && x2 <= w.x + w.width && y2 <= w.y + w.height;

/**
 * Draws where a window of the given size lies in an image so that it cuts no box: each is inside as a whole or outside,
 * and at least one is inside if the image has any. If no tried position is good, the last one grows to take in the
 * boxes that it cuts.
 * @param sizeHw height and width in px, at most those of the image
 */
export function chooseWindow(image: LabelledImage, [height, width]: readonly [number, number], random: Random): Window {
  const boxes = Array.from(image.labels, (_, i) => boxAt(image.boxesXyxy, i));
  let window: Window = { x: 0, y: 0, width, height };
  for (let attempt = 0; attempt < attempts; attempt++) {
    window = { x: random.int(image.width - width + 1), y: random.int(image.height - height + 1), width, height };
    const touched = boxes.filter((box) => overlaps(box, window));
    if (touched.every((box) => isInside(box, window)) && (touched.length > 0 || boxes.length === 0)) return window;
  }
  window = growToWhole(window, boxes);
  if (boxes.some((box) => isInside(box, window))) return window;
  return growToWhole(including(window, boxes[random.int(boxes.length)]!), boxes);
}

/** Taking one box in may cut another, so it is repeated until none is cut; the whole image cuts none. */
function growToWhole(start: Window, boxes: readonly BoxXyxy[]): Window {
  let window = start;
  for (;;) {
    const cut = boxes.find((box) => overlaps(box, window) && !isInside(box, window));
    if (!cut) return window;
    window = including(window, cut);
  }
}

function including({ x, y, width, height }: Window, [x1, y1, x2, y2]: BoxXyxy): Window {
  const left = Math.min(x, Math.floor(x1));
  const top = Math.min(y, Math.floor(y1));
  return {
    x: left,
    y: top,
    width: Math.max(x + width, Math.ceil(x2)) - left,
    height: Math.max(y + height, Math.ceil(y2)) - top,
  };
}

/** Where a window goes on a canvas: scaled to `width` x `height` px with its corner at (x, y). */
export interface Target {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The boxes inside `window`, moved and scaled with it; the others are left out. */
export function boxesOnTarget(
  image: LabelledImage,
  window: Window,
  target: Target,
): Pick<LabelledImage, 'boxesXyxy' | 'labels'> {
  const scaleX = target.width / window.width;
  const scaleY = target.height / window.height;
  const boxesXyxy: number[] = [];
  const labels: number[] = [];
  image.labels.forEach((label, i) => {
    const box = boxAt(image.boxesXyxy, i);
    if (!isInside(box, window)) return;
    const [x1, y1, x2, y2] = box;
    boxesXyxy.push(
      target.x + (x1 - window.x) * scaleX,
      target.y + (y1 - window.y) * scaleY,
      target.x + (x2 - window.x) * scaleX,
      target.y + (y2 - window.y) * scaleY,
    );
    labels.push(label);
  });
  return { boxesXyxy: Float32Array.from(boxesXyxy), labels: Int32Array.from(labels) };
}
