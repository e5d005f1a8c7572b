import { isPlumblineError } from '@plumbline/contract';
import type { SampleRef } from '../dataset/index.js';
import { augmentImage } from './augment-image.js';
import { ImageCache, type SharedCache } from './image-cache.js';
import { ImageSource } from './image-source.js';
import type { FromMaker, SerializedError, ToMaker } from './maker-messages.js';
import { orientBoxes, orientedHw } from './orientation.js';
import { PixelKernels } from './pixel-kernels.js';
import type { LoaderSettings, PlannedImage } from './plan.js';

/** Images in work at once: while one is decoded by a thread of libuv, another is augmented. */
export const lanesPerMaker = 2;

/** What a maker needs for its whole life; structured clone carries it to a thread. */
export interface MakerData {
  readonly samples: readonly SampleRef[];
  readonly settings: LoaderSettings;
  readonly cache: SharedCache;
  /** One int32 per lane of all makers: position in the dataset + 1 of the image in work, or 0. */
  readonly inWork: SharedArrayBuffer;
  /** First lane of this maker. */
  readonly firstLane: number;
}

/**
 * Fills batches image by image. Several makers share the images of a batch: each takes the next that no other has
 * taken, and writes its pixels straight into the memory of the batch.
 */
export class BatchMaker {
  private readonly source: ImageSource;
  private readonly inWork: Int32Array;
  private readonly kernels: PixelKernels;
  private readonly queue: ToMaker[] = [];
  private readonly waiting: (() => void)[] = [];

  constructor(
    private readonly data: MakerData,
    private readonly send: (message: FromMaker) => void,
  ) {
    this.source = new ImageSource(data.samples, data.settings, new ImageCache(data.cache));
    this.inWork = new Int32Array(data.inWork);
    this.kernels = new PixelKernels(data.settings.normalization);
    for (let lane = 0; lane < lanesPerMaker; lane++) void this.work(data.firstLane + lane);
  }

  add(batch: ToMaker): void {
    this.queue.push(batch);
    for (const wake of this.waiting.splice(0)) wake();
  }

  private async work(lane: number): Promise<never> {
    for (;;) {
      const batch = this.queue[0];
      if (!batch) {
        await new Promise<void>((resolve) => this.waiting.push(resolve));
        continue;
      }
      const position = Atomics.add(new Int32Array(batch.taken), 0, 1);
      if (position >= batch.images.length) {
        if (this.queue[0] === batch) this.queue.shift();
        continue;
      }
      const planned = batch.images[position]!;
      Atomics.store(this.inWork, lane, planned.index + 1);
      try {
        this.send(await this.make(batch, position, planned));
      } catch (error) {
        this.send({ kind: 'failed', id: batch.id, error: serialize(error) });
      }
      Atomics.store(this.inWork, lane, 0);
    }
  }

  private async make(batch: ToMaker, position: number, planned: PlannedImage): Promise<FromMaker> {
    const augmented = await augmentImage(planned, this.source, this.data.settings);
    const { image } = augmented;
    const values = batch.sizeHw[0] * batch.sizeHw[1] * 3;
    const out = new Float32Array(batch.pixels, 4 * values * position, values);
    this.kernels.write(augmented, planned.orientation, out, batch.sizeHw);
    return {
      kind: 'made',
      id: batch.id,
      position,
      gt: {
        boxesXyxy: orientBoxes(image, planned.orientation),
        labels: image.labels,
        clipHw: orientedHw([image.height, image.width], planned.orientation),
      },
    };
  }
}

function serialize(error: unknown): SerializedError {
  if (isPlumblineError(error)) return { code: error.code, params: error.params };
  return { message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
