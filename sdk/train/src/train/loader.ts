import { PlumblineError, type TrainConfig } from '@plumbline/contract';
import { resizeBilinear } from '@plumbline/core/image';
import { createRandom } from '@plumbline/core/random';
import { type Dataset, readImageRgb, type SampleRef } from '@plumbline/data/dataset';
import { type GroundTruth, paddedSide, placeByRule, placeImage } from '../model/index.js';
import { drawFlip, flipBoxes, type LabelledImage, writePixels } from './augment.js';

export interface Batch {
  /** [B, H, W, 3] normalised, zero padded at the right and bottom. */
  readonly pixels: Float32Array;
  /** Height and width of the network input: imageSizeHw, or what holds the largest image of the batch. */
  readonly sizeHw: readonly [number, number];
  readonly gt: readonly GroundTruth[];
  readonly imageIds: readonly number[];
}

/** Resized images are kept in memory up to this size; beyond it they are decoded again each epoch. */
const cacheBytes = 2 ** 30;

/** Batches of a dataset in an order that seed and epoch alone decide, so that a resumed run sees the same data. */
export class BatchLoader {
  private readonly cache = new Map<number, LabelledImage>();
  private cachedBytes = 0;
  private readonly table: Float32Array;
  private order: { epoch: number; indices: Int32Array } | undefined;
  private next: { step: number; images: Promise<LabelledImage[]> } | undefined;

  constructor(
    private readonly dataset: Dataset,
    private readonly config: TrainConfig,
  ) {
    for (const sample of dataset.samples) checkGroundTruth(sample, dataset.classes.length);
    const { mean, std } = config.normalization;
    this.table = Float32Array.from({ length: 768 }, (_, i) => (Math.floor(i / 3) - mean[i % 3]!) / std[i % 3]!);
  }

  get stepsPerEpoch(): number {
    return Math.max(1, Math.floor(this.dataset.samples.length / this.config.schedule.batchSize));
  }

  /** The batch of a 0-based step; decodes the following one meanwhile. */
  async batch(step: number): Promise<Batch> {
    const images = await (this.next?.step === step ? this.next.images : this.images(step));
    const following = { step: step + 1, images: this.images(step + 1) };
    following.images.catch(() => {}); // surfaces when that step is asked for
    this.next = following;
    const random = createRandom((this.config.seed * 7919 + step * 104_729) >>> 0);
    const sizeHw = this.networkSize(images);
    const [height, width] = sizeHw;
    const pixels = new Float32Array(images.length * height * width * 3);
    const gt = images.map((image, b): GroundTruth => {
      const flip = drawFlip(this.config.augment, image.width === image.height, random);
      writePixels(
        image,
        flip,
        this.table,
        pixels.subarray(b * height * width * 3, (b + 1) * height * width * 3),
        width,
      );
      return { boxesXyxy: flipBoxes(image, flip), labels: image.labels, clipHw: [image.height, image.width] };
    });
    return { pixels, sizeHw, gt, imageIds: this.indices(step).map((index) => this.dataset.samples[index]!.imageId) };
  }

  private indices(step: number): number[] {
    const epoch = Math.floor(step / this.stepsPerEpoch);
    const { batchSize } = this.config.schedule;
    const count = this.dataset.samples.length;
    if (this.order?.epoch !== epoch) {
      const all = Int32Array.from({ length: count }, (_, i) => i);
      this.order = { epoch, indices: createRandom((this.config.seed * 31 + epoch) >>> 0).shuffle(all) };
    }
    const start = (step % this.stepsPerEpoch) * batchSize;
    return Array.from({ length: batchSize }, (_, i) => this.order!.indices[(start + i) % count]!);
  }

  private images(step: number): Promise<LabelledImage[]> {
    const shortSides = this.config.augment.resize?.shortSides ?? [0];
    const random = createRandom((this.config.seed * 6151 + step * 104_729) >>> 0);
    return Promise.all(
      this.indices(step).map((index) => this.load(index, Math.floor(random.next() * shortSides.length))),
    );
  }

  private networkSize(images: readonly LabelledImage[]): readonly [number, number] {
    if (!this.config.augment.resize) return this.config.imageSizeHw;
    return [
      paddedSide(Math.max(...images.map((image) => image.height))),
      paddedSide(Math.max(...images.map((image) => image.width))),
    ];
  }

  /** @param sizeIndex position in `augment.resize.shortSides` */
  private async load(index: number, sizeIndex: number): Promise<LabelledImage> {
    const { imageSizeHw, augment, model } = this.config;
    const key = index + sizeIndex * this.dataset.samples.length;
    const held = this.cache.get(key);
    if (held) return held;
    const sample = this.dataset.samples[index]!;
    const source = await readImageRgb(sample.file);
    const sourceHw = [source.height, source.width] as const;
    const rule = augment.resize && { ...augment.resize, shortSide: augment.resize.shortSides[sizeIndex]! };
    const { sizeHw, scaleX, scaleY } = rule
      ? placeByRule(sourceHw, rule, model.conventions)
      : placeImage(sourceHw, imageSizeHw);
    const resized = resizeBilinear(source, sizeHw);
    const boxesXyxy = Float32Array.from(sample.gtBoxesXyxy, (value, i) => value * (i % 2 === 0 ? scaleX : scaleY));
    const image: LabelledImage = {
      width: sizeHw[1],
      height: sizeHw[0],
      data: resized.data,
      boxesXyxy,
      labels: sample.gtLabels,
    };
    if (this.cachedBytes + resized.data.length <= cacheBytes) {
      this.cache.set(key, image);
      this.cachedBytes += resized.data.length;
    }
    return image;
  }
}

function checkGroundTruth(sample: SampleRef, classes: number): void {
  const bad = (row: number, problem: string) =>
    new PlumblineError('PLB_TRAIN_BAD_GROUND_TRUTH', { image: sample.file, row: row + 1, problem });
  sample.gtLabels.forEach((label, row) => {
    const [x1, y1, x2, y2] = sample.gtBoxesXyxy.subarray(4 * row, 4 * row + 4) as unknown as [
      number,
      number,
      number,
      number,
    ];
    if (!(x1 < x2 && y1 < y2)) throw bad(row, `[${x1}, ${y1}, ${x2}, ${y2}] has no area or is not a number`);
    if (x1 < 0 || y1 < 0 || x2 > sample.width || y2 > sample.height) {
      throw bad(row, `[${x1}, ${y1}, ${x2}, ${y2}] lies outside the image of ${sample.width} x ${sample.height} px`);
    }
    if (!(label >= 0 && label < classes)) throw bad(row, `class id ${label} is outside 0..${classes - 1}`);
  });
}
