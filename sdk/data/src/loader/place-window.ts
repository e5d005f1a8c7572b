import { resizePixels } from '@plumbline/core/image';
import { copyWindow, type LabelledImage, type Window } from './labelled-image.js';
import type { Target } from './window.js';

/** Copies a window of an image onto a canvas of the same channels, resampled if its size changes. */
export function placeWindow(
  image: LabelledImage,
  window: Window,
  target: Target,
  canvas: Uint8Array,
  canvasWidth: number,
): void {
  if (target.width === window.width && target.height === window.height) {
    copyWindow(image, window, canvas, canvasWidth, target.x, target.y);
    return;
  }
  const { channels } = image;
  let pixels = image.data;
  if (window.width !== image.width || window.height !== image.height) {
    pixels = new Uint8Array(window.width * window.height * channels);
    copyWindow(image, window, pixels, window.width, 0, 0);
  }
  const data = resizePixels(pixels, [window.height, window.width], channels, [target.height, target.width]);
  const scaled: LabelledImage = { ...image, width: target.width, height: target.height, data };
  const all = { x: 0, y: 0, width: target.width, height: target.height };
  copyWindow(scaled, all, canvas, canvasWidth, target.x, target.y);
}
