import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type Health, PlumblineError, type Service } from '@plumbline/contract';

export interface DiskFigures {
  /** Space that this user may still fill, byte; null until it is known. */
  freeBytes: number | null;
  /** Files of the store folder, byte; null until it is known. */
  usedByStoreBytes: number | null;
}

export interface DiskWatchOptions {
  storeDir: string;
  onLow: (error: PlumblineError) => void;
  onEnough: () => void;
  /** Reads the free space; tests pass their own. */
  readFreeBytes?: (path: string) => Promise<number>;
  periodMs?: number;
}

/** Below this, about an hour of results of a fast line, the disk counts as low. */
const leastFreeBytes = 500_000_000;

/** Looks at the disk of the store now and then. */
export class DiskWatch implements Service {
  readonly name = 'disk-watch';
  readonly stopTimeoutMs = 2_000;
  readonly figures: DiskFigures = { freeBytes: null, usedByStoreBytes: null };
  private timer: NodeJS.Timeout | null = null;
  private looking: Promise<void> | null = null;

  constructor(private readonly options: DiskWatchOptions) {}

  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.look();
    this.timer = setInterval(() => {
      this.looking ??= this.look().finally(() => (this.looking = null));
    }, this.options.periodMs ?? 5_000);
    this.timer.unref();
  }

  async stop(): Promise<void> {
    if (this.timer) clearInterval(this.timer);
    await this.looking;
  }

  health(): Health {
    const { freeBytes } = this.figures;
    if (freeBytes === null) return { state: 'starting' };
    return { state: freeBytes < leastFreeBytes ? 'degraded' : 'ok', detail: `${toMb(freeBytes)} MB free` };
  }

  private async look(): Promise<void> {
    const { storeDir, onLow, onEnough, readFreeBytes = freeBytesOf } = this.options;
    this.figures.freeBytes = await readFreeBytes(storeDir).catch(() => null);
    this.figures.usedByStoreBytes = await folderBytes(storeDir).catch(() => null);
    const free = this.figures.freeBytes;
    if (free === null) return;
    if (free >= leastFreeBytes) onEnough();
    else {
      onLow(
        new PlumblineError('PLB_DAEMON_DISK_LOW', {
          path: storeDir,
          freeMb: toMb(free),
          leastMb: toMb(leastFreeBytes),
        }),
      );
    }
  }
}

function toMb(bytes: number): number {
  return Math.round(bytes / 1e6);
}

async function freeBytesOf(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

async function folderBytes(path: string): Promise<number> {
  const names = await readdir(path);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(path, name)).then(
        (s) => (s.isFile() ? s.size : 0),
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
