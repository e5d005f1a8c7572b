import type { Random } from '@plumbline/core/random';
import { blankPixels, type Fill, type LabelledImage, toRgb } from './labelled-image.js';
import { placeWindow } from './place-window.js';
import { boxesOnTarget, chooseWindow } from './window.js';

/** The centre lies in the middle 40 % of each side, so that no part becomes a sliver. */
const centreFrom = 0.3;
const centreSpan = 0.4;

/**
 * Composes four images around a random centre in the frame of the first. Each keeps its scale and shows a window that
 * cuts no box; one whose window had to grow beyond its quarter is scaled down to fit.
 * @param images top left, top right, bottom left, bottom right
 */
export function mosaic(images: readonly LabelledImage[], fill: Fill, random: Random): LabelledImage {
  const parts = images.every((image) => image.channels === 1) ? images : images.map(toRgb);
  const { width, height, channels } = parts[0]!;
  const centreX = Math.round(width * (centreFrom + centreSpan * random.next()));
  const centreY = Math.round(height * (centreFrom + centreSpan * random.next()));
  const data = blankPixels([height, width], channels, fill);
  const placed = parts.map((image, i) => {
    const [isRight, isBottom] = [i % 2 === 1, i >= 2];
    const room = {
      width: Math.max(1, isRight ? width - centreX : centreX),
      height: Math.max(1, isBottom ? height - centreY : centreY),
    };
    const windowHw = [Math.min(image.height, room.height), Math.min(image.width, room.width)] as const;
    const window = chooseWindow(image, windowHw, random);
    const scale = Math.min(1, room.width / window.width, room.height / window.height);
    const size = {
      width: Math.max(1, Math.floor(window.width * scale)),
      height: Math.max(1, Math.floor(window.height * scale)),
    };
    const x = isRight ? centreX : Math.max(0, centreX - size.width);
    const y = isBottom ? centreY : Math.max(0, centreY - size.height);
    const target = { x, y, ...size };
    placeWindow(image, window, target, data, width);
    return boxesOnTarget(image, window, target);
  });
  return {
    width,
    height,
    channels,
    data,
    boxesXyxy: Float32Array.from(placed.flatMap((part) => [...part.boxesXyxy])),
    labels: Int32Array.from(placed.flatMap((part) => [...part.labels])),
  };
}
