import type { TrainConfig } from '@plumbline/contract';
import { type Placement, paddedSide, placeByRule, placeImage } from '@plumbline/core/image';
import { createRandom, mixSeed } from '@plumbline/core/random';
import type { SampleRef } from '../dataset/index.js';
import { compose, drawFlip, drawTurn, type Orientation, orientedHw, upright } from './orientation.js';

/** What of `train.yaml` decides the content of a batch. */
export type LoaderSettings = Pick<TrainConfig, 'seed' | 'imageSizeHw' | 'normalization' | 'augment'> & {
  readonly batchSize: number;
  readonly conventions: TrainConfig['model']['conventions'];
};

/** One way to resize an image: a length of `augment.resize`, and whether the turned image is what has to fit. */
export interface Variant {
  readonly sizeIndex: number;
  readonly isTurned: boolean;
}

/** How one image of a batch is to be made; everything random about it follows from this. */
export interface PlannedImage {
  /** Position in the dataset. */
  readonly index: number;
  readonly variant: Variant;
  readonly orientation: Orientation;
  /** Seed of the augmentations of this image in this epoch. */
  readonly seed: number;
}

export interface BatchPlan {
  readonly step: number;
  readonly images: readonly PlannedImage[];
  /** Height and width of the network input: imageSizeHw, or what holds the largest image of the batch. */
  readonly sizeHw: readonly [number, number];
}

/** Number of full batches of an epoch; a dataset smaller than a batch has one, in which images repeat. */
export const stepsPerEpoch = (samples: number, batchSize: number) => Math.max(1, Math.floor(samples / batchSize));

/**
 * Plans the batch of any step without the ones before. The order of an epoch follows from seed and epoch; lengths and
 * flips from seed and step, image after image; all else from seed, epoch and image (and the repetition, when a batch is
 * larger than the dataset).
 */
export class BatchPlanner {
  private order: { epoch: number; indices: Int32Array } | undefined;

  constructor(
    private readonly samples: readonly SampleRef[],
    private readonly settings: LoaderSettings,
  ) {}

  /** @param step 0-based */
  plan(step: number): BatchPlan {
    const { seed, augment, batchSize } = this.settings;
    const count = this.samples.length;
    const steps = stepsPerEpoch(count, batchSize);
    const epoch = Math.floor(step / steps);
    const order = this.orderOf(epoch);
    const start = (step % steps) * batchSize;
    const lengths = createRandom((seed * 6151 + step * 104_729) >>> 0);
    const flips = createRandom((seed * 7919 + step * 104_729) >>> 0);
    const lengthCount = augment.resize?.shortSides.length ?? 1;
    const sizesHw: (readonly [number, number])[] = [];
    const images = Array.from({ length: batchSize }, (_, i): PlannedImage => {
      const index = order[(start + i) % count]!;
      const imageSeed = mixSeed(seed, epoch, index, Math.floor((start + i) / count));
      const turn = augment.rotate90 ? drawTurn(createRandom(mixSeed(imageSeed, 1))) : upright;
      const variant = { sizeIndex: Math.floor(lengths.next() * lengthCount), isTurned: turn.transpose };
      const { sizeHw } = place(this.samples[index]!, variant, this.settings);
      const orientation = compose(turn, drawFlip(augment, sizeHw[0] === sizeHw[1], flips));
      sizesHw.push(orientedHw(sizeHw, orientation));
      return { index, variant, orientation, seed: imageSeed };
    });
    const largest = (axis: 0 | 1) => paddedSide(Math.max(...sizesHw.map((sizeHw) => sizeHw[axis])));
    return { step, images, sizeHw: augment.resize ? [largest(0), largest(1)] : this.settings.imageSizeHw };
  }

  private orderOf(epoch: number): Int32Array {
    if (this.order?.epoch !== epoch) {
      const all = Int32Array.from({ length: this.samples.length }, (_, i) => i);
      this.order = { epoch, indices: createRandom((this.settings.seed * 31 + epoch) >>> 0).shuffle(all) };
    }
    return this.order.indices;
  }
}

/** Size and scale of an image before its orientation; a turned one is made so that it fits after it. */
export function place(
  { width, height }: { readonly width: number; readonly height: number },
  { sizeIndex, isTurned }: Variant,
  { augment, imageSizeHw, conventions }: LoaderSettings,
): Placement {
  if (augment.resize) {
    const { shortSides, longSide } = augment.resize;
    return placeByRule([height, width], { shortSide: shortSides[sizeIndex]!, longSide }, conventions);
  }
  if (!isTurned) return placeImage([height, width], imageSizeHw);
  const turned = placeImage([width, height], imageSizeHw);
  return { sizeHw: [turned.sizeHw[1], turned.sizeHw[0]], scaleX: turned.scaleY, scaleY: turned.scaleX };
}
