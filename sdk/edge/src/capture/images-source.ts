import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join, parse } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PlumblineError } from '@plumbline/contract';
import sharp from 'sharp';
import { FramePool } from './frame-pool.js';
import type { CapturedFrame, FrameSource, SkippedFrame } from './frame-source.js';
import { Schedule } from './schedule.js';

const imageExtensions = new Set(['.jpg', '.jpeg', '.png', '.tif', '.tiff', '.webp']);

export interface ImagesSourceOptions {
  cameraId: string;
  /** Folder whose image files are read in name order. */
  path: string;
  /** Ignored when `isLossless`. */
  framesPerSecond: number;
  loop: boolean;
  /** Deliver as fast as the reader takes frames, for replay. */
  isLossless?: boolean;
  onSkip?: (skipped: SkippedFrame) => void;
}

/** Decodes this many files ahead, so that decoding is not part of a frame's latency. */
const prefetchCount = 2;
/** In the source, the mailbox, the detector, the operator feed: more are never alive at once for long. */
const poolSize = 12;

type Decoded =
  | { file: string; width: number; height: number; data: Uint8Array<ArrayBuffer>; decodeMs: number }
  | { file: string; error: PlumblineError };

/** Image files of a folder as a camera: name order, fixed rate, once or in a loop. */
export class ImagesSource implements FrameSource {
  readonly cameraId: string;
  readonly framesPerSecond: number | null;
  private readonly pool = new FramePool(poolSize);
  private seq = 0;
  private session = 0;

  constructor(private readonly options: ImagesSourceOptions) {
    this.cameraId = options.cameraId;
    this.framesPerSecond = options.isLossless ? null : options.framesPerSecond;
  }

  /** @throws {PlumblineError} PLB_EDGE_SOURCE_UNREADABLE, PLB_EDGE_SOURCE_EMPTY */
  async *frames(signal: AbortSignal): AsyncGenerator<CapturedFrame, void, undefined> {
    const files = await listImages(this.options.path);
    this.session += 1;
    const schedule =
      this.framesPerSecond === null ? null : new Schedule(1000 / this.framesPerSecond, performance.now());
    const upcoming: Promise<Decoded>[] = [];
    const order = this.options.loop ? repeat(files) : files.values();
    const prefetch = () => {
      const next = order.next();
      if (!next.done) upcoming.push(this.decode(next.value));
    };
    try {
      for (let i = 0; i < prefetchCount; i++) prefetch();
      while (upcoming.length > 0 && !signal.aborted) {
        const decoded = await upcoming.shift()!;
        prefetch();
        const waitMs = schedule?.nextDelayMs(performance.now()) ?? 0;
        if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => {});
        if (signal.aborted) {
          if ('data' in decoded) this.release(decoded.data);
          return;
        }
        const seq = this.seq++;
        if ('error' in decoded) {
          this.options.onSkip?.({ seq, cameraId: this.cameraId, origin: decoded.file, error: decoded.error });
          continue;
        }
        yield {
          frameId: `${seq}-${parse(decoded.file).name}`,
          cameraId: this.cameraId,
          seq,
          session: this.session,
          format: 'rgb8',
          capturedAtMs: Date.now(),
          hostMonoNs: process.hrtime.bigint(),
          acquisitionMs: decoded.decodeMs,
          width: decoded.width,
          height: decoded.height,
          data: decoded.data,
        };
      }
    } finally {
      for (const rest of await Promise.all(upcoming)) if ('data' in rest) this.release(rest.data);
    }
  }

  release(data: Uint8Array<ArrayBuffer>): void {
    this.pool.release(data);
  }

  /** Never rejects. A truncated file is refused whole: half a picture must not be judged. */
  private async decode(file: string): Promise<Decoded> {
    const startedMs = performance.now();
    try {
      const bytes = await readFile(file);
      const { data, info } = await sharp(bytes, { failOn: 'warning' })
        .autoOrient()
        .toColourspace('srgb')
        .removeAlpha()
        .raw({ depth: 'uchar' })
        .toBuffer({ resolveWithObject: true });
      if (info.channels !== 3) throw new Error(`${info.channels} channels`);
      // sharp's own buffer cannot be transferred to a worker (Node marks external memory as untransferable).
      const pixels = this.pool.acquire(data.byteLength);
      pixels.set(data);
      return { file, width: info.width, height: info.height, data: pixels, decodeMs: performance.now() - startedMs };
    } catch (cause) {
      const reason = ((cause as NodeJS.ErrnoException).code ?? (cause as Error).message).split('\n')[0]!;
      return { file, error: new PlumblineError('PLB_EDGE_IMAGE_UNREADABLE', { file, reason }, { cause }) };
    }
  }
}

function* repeat<T>(items: readonly T[]): Generator<T, void, undefined> {
  for (;;) yield* items;
}

async function listImages(path: string): Promise<string[]> {
  let names: string[];
  try {
    if (!(await stat(path)).isDirectory()) throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' });
    names = await readdir(path);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new PlumblineError('PLB_EDGE_SOURCE_UNREADABLE', { path, reason }, { cause });
  }
  // Plain code unit order: the same on every machine, whatever its locale.
  const images = names
    .filter((name) => imageExtensions.has(extname(name).toLowerCase()) && !name.startsWith('.'))
    .sort();
  if (images.length === 0) throw new PlumblineError('PLB_EDGE_SOURCE_EMPTY', { path });
  return images.map((name) => join(path, name));
}
