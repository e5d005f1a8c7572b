import { createRandom, mixSeed, type Random } from '@plumbline/core/random';
import { blur, leastSigma } from './blur.js';
import { pasteBoxes } from './copy-paste.js';
import type { ImageSource } from './image-source.js';
import { fillOf, type LabelledImage } from './labelled-image.js';
import { drawLevels } from './levels.js';
import { mosaic } from './mosaic.js';
import type { Noise } from './noise.js';
import type { LoaderSettings, PlannedImage } from './plan.js';
import { reframe } from './reframe.js';

/** An image before what PixelKernels does with every pixel. */
export interface AugmentedImage {
  readonly image: LabelledImage;
  /** Still to be added; before the levels are changed. */
  readonly noise: Noise | undefined;
  /** [256] change of levels, still to be applied. */
  readonly levels: Uint8Array | undefined;
}

/** Streams of random numbers of one image; 1 is the quarter turn, which is drawn with the plan. */
const stream = { mosaic: 2, copyPaste: 3, reframe: 4, blur: 5, levels: 6, noise: 7 } as const;

/**
 * Applies everything of `augment` but the orientation, in this order: mosaic, copyPaste, crop with scale and aspect,
 * blur, noise, levels (contrast, brightness, gamma). Each operation has a stream of random numbers of its own, so that
 * switching one on or off leaves the others as they were.
 */
export async function augmentImage(
  planned: PlannedImage,
  source: ImageSource,
  { augment, normalization }: LoaderSettings,
): Promise<AugmentedImage> {
  const randomOf = (name: keyof typeof stream) => createRandom(mixSeed(planned.seed, stream[name]));
  const fill = fillOf(normalization.mean);
  let image = await source.load(planned.index, planned.variant);

  if (augment.mosaic > 0) {
    const random = randomOf('mosaic');
    if (random.next() < augment.mosaic) {
      const others = [1, 2, 3].map(() => random.int(source.count));
      const loaded = await Promise.all(others.map((index) => source.load(index, planned.variant)));
      image = mosaic([image, ...loaded], fill, random);
    }
  }
  if (augment.copyPaste && source.count > 1) {
    const random = randomOf('copyPaste');
    if (random.next() < augment.copyPaste.probability) {
      const other = (planned.index + 1 + random.int(source.count - 1)) % source.count;
      image = pasteBoxes(image, await source.load(other, planned.variant), augment.copyPaste, random);
    }
  }
  if (augment.crop || augment.aspect > 1 || augment.scale[0] !== 1 || augment.scale[1] !== 1) {
    image = reframe(image, augment, fill, randomOf('reframe'));
  }
  if (augment.blur > 0) {
    const sigma = augment.blur * randomOf('blur').next();
    if (sigma >= leastSigma) image = blur(image, sigma);
  }
  const hasLevels = augment.brightness > 0 || augment.contrast > 0 || augment.gamma > 1;
  return {
    image,
    noise: augment.noise > 0 ? drawNoise(augment.noise, randomOf('noise')) : undefined,
    levels: hasLevels ? drawLevels(augment, randomOf('levels')) : undefined,
  };
}

const drawNoise = (largestSigma: number, random: Random): Noise => ({
  sigma: largestSigma * random.next(),
  state: (random.next() * 2 ** 32) | 1,
});
