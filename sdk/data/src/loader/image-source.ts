import { PlumblineError } from '@plumbline/contract';
import { resizePixels } from '@plumbline/core/image';
import { readImage, type SampleRef } from '../dataset/index.js';
import type { ImageCache } from './image-cache.js';
import type { LabelledImage } from './labelled-image.js';
import { type LoaderSettings, place, type Variant } from './plan.js';

/** Keys that the cache needs for a dataset: every image in every variant. */
export const variantsOf = ({ augment }: LoaderSettings) => 2 * (augment.resize?.shortSides.length ?? 1);

/** Images of a dataset, decoded and resized, from the cache where they are in it. */
export class ImageSource {
  constructor(
    private readonly samples: readonly SampleRef[],
    private readonly settings: LoaderSettings,
    private readonly cache: ImageCache,
  ) {}

  get count(): number {
    return this.samples.length;
  }

  /**
   * The image and its boxes in px of its placement; grey files have one channel.
   * @throws {PlumblineError} PLB_DATA_IMAGE_UNREADABLE, PLB_DATA_IMAGE_CHANGED
   */
  async load(index: number, variant: Variant): Promise<LabelledImage> {
    const sample = this.samples[index]!;
    const { sizeHw, scaleX, scaleY } = place(sample, variant, this.settings);
    const [height, width] = sizeHw;
    const key = index * variantsOf(this.settings) + 2 * variant.sizeIndex + this.turnedKey(sample, variant, sizeHw);
    const found = this.cache.get(key, height * width);
    const { channels, data } = found ?? (await this.decode(sample, sizeHw));
    if (!found) this.cache.put(key, channels, data);
    const boxesXyxy = Float32Array.from(sample.gtBoxesXyxy, (value, i) => value * (i % 2 === 0 ? scaleX : scaleY));
    return { width, height, channels, data, boxesXyxy, labels: sample.gtLabels };
  }

  /** The turned variant is a separate image only where its size differs. */
  private turnedKey(sample: SampleRef, variant: Variant, [height, width]: readonly [number, number]): 0 | 1 {
    if (!variant.isTurned) return 0;
    const upright = place(sample, { ...variant, isTurned: false }, this.settings).sizeHw;
    return upright[0] === height && upright[1] === width ? 0 : 1;
  }

  private async decode(sample: SampleRef, sizeHw: readonly [number, number]) {
    const { width, height, channels, data } = await readImage(sample.file);
    if (width !== sample.width || height !== sample.height) {
      const [expected, actual] = [`${sample.width}x${sample.height}`, `${width}x${height}`];
      throw new PlumblineError('PLB_DATA_IMAGE_CHANGED', { file: sample.file, expected, actual });
    }
    const isSame = height === sizeHw[0] && width === sizeHw[1];
    return { channels, data: isSame ? data : resizePixels(data, [height, width], channels, sizeHw) };
  }
}
