import { Worker } from 'node:worker_threads';
import { BatchMaker, lanesPerMaker, type MakerData } from './batch-maker.js';
import type { FromMaker, ToMaker } from './maker-messages.js';

export type SpawnWorker = (data: MakerData) => Worker;

export interface PoolEvents {
  onMessage(message: FromMaker): void;
  /** A thread ended without being asked to. */
  onEnded(reason: string): void;
}

/** The makers of a loader: threads, or one in this thread when `workers` is 0. */
export class MakerPool {
  private readonly workers: Worker[];
  private readonly own: BatchMaker | undefined;
  private readonly inWork: SharedArrayBuffer;
  private isClosed = false;

  constructor(
    data: Omit<MakerData, 'inWork' | 'firstLane'>,
    workers: number,
    private readonly events: PoolEvents,
    spawn: SpawnWorker = spawnWorker,
  ) {
    this.inWork = new SharedArrayBuffer(4 * lanesPerMaker * Math.max(1, workers));
    const dataOf = (maker: number): MakerData => ({ ...data, inWork: this.inWork, firstLane: maker * lanesPerMaker });
    this.own = workers === 0 ? new BatchMaker(dataOf(0), (message) => events.onMessage(message)) : undefined;
    this.workers = Array.from({ length: workers }, (_, i) => this.watch(spawn(dataOf(i))));
  }

  post(batch: ToMaker): void {
    this.own?.add(batch);
    for (const worker of this.workers) worker.postMessage(batch);
  }

  /** Positions in the dataset of the images that are being made now. */
  indicesInWork(): number[] {
    const lanes = new Int32Array(this.inWork);
    return [...new Set(lanes)].filter((value) => value > 0).map((value) => value - 1);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }

  private watch(worker: Worker): Worker {
    let reason: string | undefined;
    worker.on('message', (message: FromMaker) => this.events.onMessage(message));
    worker.on('error', (error) => {
      reason = error instanceof Error ? error.message : String(error);
    });
    worker.on('exit', (code) => {
      if (!this.isClosed) this.events.onEnded(reason ?? `exit code ${code}`);
    });
    return worker;
  }
}

function spawnWorker(data: MakerData): Worker {
  // The options of the process may not suit a thread (--input-type).
  const options = { workerData: data, name: 'plumbline-loader', execArgv: [] };
  return new Worker(new URL('./loader-worker.js', import.meta.url), options);
}
