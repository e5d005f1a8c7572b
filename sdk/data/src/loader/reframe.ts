import type { TrainConfig } from '@plumbline/contract';
import type { Random } from '@plumbline/core/random';
import { blankPixels, type Fill, type LabelledImage } from './labelled-image.js';
import { placeWindow } from './place-window.js';
import { boxesOnTarget, chooseWindow } from './window.js';

type ReframeSettings = Pick<TrainConfig['augment'], 'scale' | 'aspect' | 'crop'>;

/** A factor between `low` and `high` whose logarithm is uniform: halving is as likely as doubling. */
export const logUniform = (low: number, high: number, random: Random) => low * (high / low) ** random.next();

/**
 * Crops, scales and stretches within a frame that keeps its size. The window of a crop is fitted into the frame with its
 * ratio kept, then `scale` and `aspect` multiply; what would exceed the frame is cut to it, what is smaller lies at a
 * random place with `fill` around it. No box is cut: see {@link chooseWindow}; a window that had to grow is scaled less.
 */
export function reframe(image: LabelledImage, settings: ReframeSettings, fill: Fill, random: Random): LabelledImage {
  const { width, height, channels } = image;
  const { scale, aspect, crop } = settings;
  // Every number is drawn whether used or not, so that one setting does not move the others.
  const size = logUniform(scale[0], scale[1], random);
  const ratio = logUniform(1 / aspect, aspect, random);
  const [isCropped, u, v] = [random.next() < (crop?.probability ?? 0), random.next(), random.next()];
  const side = (length: number, draw: number) =>
    crop && isCropped ? Math.max(1, Math.round(length * (crop.minSide + (1 - crop.minSide) * draw))) : length;
  const cropHw = [side(height, u), side(width, v)] as const;

  const fit = Math.min(height / cropHw[0], width / cropHw[1]) * size;
  const magnify = { x: fit * Math.sqrt(ratio), y: fit / Math.sqrt(ratio) };
  const windowHw = [
    Math.max(1, Math.min(cropHw[0], Math.round(height / magnify.y))),
    Math.max(1, Math.min(cropHw[1], Math.round(width / magnify.x))),
  ] as const;
  const window = chooseWindow(image, windowHw, random);
  const shrink = Math.min(1, width / (window.width * magnify.x), height / (window.height * magnify.y));
  const targetWidth = Math.min(width, Math.max(1, Math.round(window.width * magnify.x * shrink)));
  const targetHeight = Math.min(height, Math.max(1, Math.round(window.height * magnify.y * shrink)));
  const target = {
    x: random.int(width - targetWidth + 1),
    y: random.int(height - targetHeight + 1),
    width: targetWidth,
    height: targetHeight,
  };
  if (window.width === width && window.height === height && targetWidth === width && targetHeight === height) {
    return image;
  }
  const data = blankPixels([height, width], channels, fill);
  placeWindow(image, window, target, data, width);
  return { width, height, channels, data, ...boxesOnTarget(image, window, target) };
}
