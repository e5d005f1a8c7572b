import { availableParallelism } from 'node:os';
import { PlumblineError, type TrainConfig } from '@plumbline/contract';
import sharp from 'sharp';
import type { Dataset } from '../dataset/index.js';
import { checkGroundTruth } from './check-ground-truth.js';
import { createSharedCache } from './image-cache.js';
import { variantsOf } from './image-source.js';
import { type BatchGroundTruth, deserialize, type FromMaker } from './maker-messages.js';
import { MakerPool, type SpawnWorker } from './maker-pool.js';
import { BatchPlanner, type LoaderSettings, place, stepsPerEpoch } from './plan.js';

export interface Batch {
  /** [B, H, W, 3] normalised, zero padded at the right and bottom; in shared memory. */
  readonly pixels: Float32Array;
  /** Height and width of the network input: imageSizeHw, or what holds the largest image of the batch. */
  readonly sizeHw: readonly [number, number];
  readonly gt: readonly BatchGroundTruth[];
  readonly imageIds: readonly number[];
  /** Gives the memory of `pixels` back to be filled again; without it the next batch takes new memory. */
  release(): void;
}

/** Threads without `loader.workers`: more would decode faster than any trainer asks. */
const mostWorkers = 8;

export interface BatchLoaderOptions {
  /** Starts a thread that speaks the protocol of maker-messages.ts. */
  readonly spawn?: SpawnWorker;
}

interface Pending {
  readonly id: number;
  readonly step: number;
  readonly sizeHw: readonly [number, number];
  readonly imageIds: readonly number[];
  readonly pixels: SharedArrayBuffer;
  readonly gt: BatchGroundTruth[];
  missing: number;
  readonly promise: Promise<Batch>;
  readonly resolve: (batch: Batch) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Batches of a dataset, made ahead by worker threads. What a batch holds follows from configuration, dataset and step
 * alone: any step may be asked for, and any number of workers gives the same bytes. Call {@link close} at the end, or the
 * threads keep the process alive.
 */
export class BatchLoader {
  readonly workers: number;
  private readonly planner: BatchPlanner;
  private readonly pool: MakerPool;
  private readonly settings: LoaderSettings;
  private readonly pending = new Map<number, Pending>();
  private free: SharedArrayBuffer[] = [];
  private nextId = 1;
  private failure: Error | undefined;
  private closing: Promise<void> | undefined;
  private readonly libvipsThreads = sharp.concurrency();

  /** @throws {PlumblineError} PLB_TRAIN_BAD_GROUND_TRUTH */
  constructor(
    private readonly dataset: Dataset,
    private readonly config: TrainConfig,
    options: BatchLoaderOptions = {},
  ) {
    const { samples, classes } = dataset;
    for (const sample of samples) checkGroundTruth(sample, classes.length);
    const { seed, imageSizeHw, normalization, augment, model, schedule, loader } = config;
    const { conventions } = model;
    this.settings = { seed, imageSizeHw, normalization, augment, conventions, batchSize: schedule.batchSize };
    this.planner = new BatchPlanner(samples, this.settings);
    this.workers = loader.workers ?? Math.min(availableParallelism(), mostWorkers);
    sharp.concurrency(1); // an image is too small to be worth several threads; the setting is the whole process's
    const cache = createSharedCache(samples.length * variantsOf(this.settings), this.cacheBytes());
    this.pool = new MakerPool(
      { samples, settings: this.settings, cache },
      this.workers,
      { onMessage: (message) => this.receive(message), onEnded: (reason) => this.fail(reason) },
      options.spawn,
    );
  }

  get stepsPerEpoch(): number {
    return stepsPerEpoch(this.dataset.samples.length, this.settings.batchSize);
  }

  /**
   * The batch of a 0-based step; the following ones are made meanwhile.
   * @throws {PlumblineError} PLB_DATA_IMAGE_UNREADABLE, PLB_DATA_IMAGE_CHANGED, PLB_DATA_LOADER_WORKER_ENDED,
   * PLB_DATA_LOADER_CLOSED
   */
  async batch(step: number): Promise<Batch> {
    if (this.failure) throw this.failure;
    if (this.closing) throw new PlumblineError('PLB_DATA_LOADER_CLOSED', { step });
    const last = step + this.config.loader.prefetchBatches;
    // Batches that a jump leaves behind still get finished; nobody waits for them.
    const ahead = [...this.pending.values()].filter((pending) => pending.step >= step && pending.step <= last);
    const stepsAhead = new Set(ahead.map((pending) => pending.step));
    for (let next = step; next <= last; next++) if (!stepsAhead.has(next)) ahead.push(this.start(next));
    const wanted = ahead.find((pending) => pending.step === step)!;
    try {
      return await wanted.promise;
    } finally {
      this.pending.delete(wanted.id);
    }
  }

  /** Ends the threads; batches still waited for are rejected with PLB_DATA_LOADER_CLOSED. */
  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    await this.pool.close();
    sharp.concurrency(this.libvipsThreads);
    for (const { step, reject } of this.pending.values())
      reject(new PlumblineError('PLB_DATA_LOADER_CLOSED', { step }));
    this.pending.clear();
    this.free = [];
  }

  private start(step: number): Pending {
    const { images, sizeHw } = this.planner.plan(step);
    const bytes = 4 * images.length * sizeHw[0] * sizeHw[1] * 3;
    const fitting = this.free.findIndex((memory) => memory.byteLength >= bytes);
    // A multi-scale batch that needs more than any free memory replaces one, so that memory does not pile up.
    const [taken] = this.free.splice(Math.max(fitting, 0), 1);
    const pixels = taken && taken.byteLength >= bytes ? taken : new SharedArrayBuffer(bytes);
    let resolve!: Pending['resolve'];
    let reject!: Pending['reject'];
    const promise = new Promise<Batch>((accept, refuse) => {
      resolve = accept;
      reject = refuse;
    });
    promise.catch(() => {}); // surfaces when that step is asked for
    const id = this.nextId++;
    const imageIds = images.map(({ index }) => this.dataset.samples[index]!.imageId);
    const missing = images.length;
    const pending: Pending = { id, step, sizeHw, imageIds, pixels, gt: [], missing, promise, resolve, reject };
    this.pending.set(id, pending);
    this.pool.post({ id, images, sizeHw, pixels, taken: new SharedArrayBuffer(4) });
    return pending;
  }

  private receive(message: FromMaker): void {
    const pending = this.pending.get(message.id);
    if (!pending) return;
    if (message.kind === 'failed') {
      pending.reject(deserialize(message.error));
      return;
    }
    pending.gt[message.position] = message.gt;
    if (--pending.missing > 0) return;
    const { sizeHw, imageIds, gt, pixels } = pending;
    const values = imageIds.length * sizeHw[0] * sizeHw[1] * 3;
    let isReleased = false;
    const release = () => {
      if (!isReleased) this.free.push(pixels);
      isReleased = true;
    };
    pending.resolve({ pixels: new Float32Array(pixels, 0, values), sizeHw, imageIds, gt, release });
  }

  private fail(reason: string): void {
    const files = this.pool.indicesInWork().map((index) => this.dataset.samples[index]!.file);
    const images = files.length > 0 ? files.join(', ') : 'no image';
    this.failure ??= new PlumblineError('PLB_DATA_LOADER_WORKER_ENDED', { images, reason });
    for (const { reject } of this.pending.values()) reject(this.failure);
  }

  /** No more than all images in all variants would take. */
  private cacheBytes(): number {
    const sizes = this.settings.augment.resize?.shortSides.length ?? 1;
    const limit = this.config.loader.cacheMegabytes * 2 ** 20;
    let bytes = 0;
    for (const sample of this.dataset.samples) {
      for (let sizeIndex = 0; sizeIndex < sizes && bytes < limit; sizeIndex++) {
        for (const isTurned of this.settings.augment.rotate90 ? [false, true] : [false]) {
          const { sizeHw } = place(sample, { sizeIndex, isTurned }, this.settings);
          bytes += 3 * sizeHw[0] * sizeHw[1] + 16;
        }
      }
    }
    return Math.min(bytes, limit);
  }
}
