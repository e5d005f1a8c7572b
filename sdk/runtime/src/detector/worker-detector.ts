import { Worker } from 'node:worker_threads';
import { PlumblineError } from '@plumbline/contract';
import type { ImageRgb } from '@plumbline/core/image';
import {
  checkImage,
  type DetectionResult,
  type Detector,
  type DetectorInfo,
  type DetectorOptions,
} from './detector.js';
// Telemetry is turned off where the worker is started, not in it.
import '../session/onnxruntime.js';
import type { FromWorker, SerializedError, ToWorker } from './worker-messages.js';

/** Frames handed to the worker at once: one being computed, one waiting so that the worker never idles. */
const maxInFlight = 2;

interface InFlight {
  readonly settled: Promise<unknown>;
  readonly resolve: (result: DetectionResult) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Opens a model folder in a worker thread, so that inference does not stop the event loop. The image's buffer is
 * transferred: after `detect(image)` use `result.image`. Calls beyond two in flight wait their turn.
 * When the worker ends unexpectedly the frames in flight are rejected with PLB_RUNTIME_WORKER_CRASHED and the next
 * frame starts a new worker.
 * @throws {PlumblineError} as {@link createDetector}
 */
export async function createWorkerDetector(options: DetectorOptions): Promise<Detector> {
  const url = new URL('./detector-worker.js', import.meta.url);
  return WorkerDetector.open(() => new Worker(url, { workerData: options, name: 'plumbline-detector' }));
}

export class WorkerDetector implements Detector {
  private readonly inFlight = new Map<number, InFlight>();
  private readonly waiting: (() => void)[] = [];
  private freeSlots = maxInFlight;
  /** The running or starting worker; undefined after it ended. */
  private worker: Promise<Worker> | undefined;
  private nextId = 1;
  private disposed: Promise<void> | undefined;

  private constructor(
    readonly info: DetectorInfo,
    worker: Worker,
    private readonly spawn: () => Worker,
  ) {
    this.worker = Promise.resolve(worker);
    this.watch(worker);
  }

  /** @param spawn starts a thread that speaks the protocol of worker-messages.ts */
  static async open(spawn: () => Worker): Promise<WorkerDetector> {
    const worker = spawn();
    return new WorkerDetector(await whenReady(worker), worker, spawn);
  }

  async detect(image: ImageRgb): Promise<DetectionResult> {
    if (this.freeSlots > 0) this.freeSlots--;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      checkImage(image);
      if (this.disposed) throw new PlumblineError('PLB_RUNTIME_DETECTOR_DISPOSED', {});
      this.worker ??= this.restart();
      return await this.send(await this.worker, image);
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.freeSlots++;
    }
  }

  dispose(): Promise<void> {
    this.disposed ??= this.end();
    return this.disposed;
  }

  private async end(): Promise<void> {
    const worker = await this.worker?.catch(() => undefined);
    if (!worker) return;
    await Promise.allSettled([...this.inFlight.values()].map((request) => request.settled));
    // A crash meanwhile has ended the worker, and no frame may start another.
    if (!this.worker) return;
    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.postMessage({ kind: 'dispose' } satisfies ToWorker);
    await exited;
  }

  private restart(): Promise<Worker> {
    const worker = this.spawn();
    const ready = whenReady(worker).then(() => {
      this.watch(worker);
      return worker;
    });
    ready.catch(() => {
      this.worker = undefined;
    });
    return ready;
  }

  private send(worker: Worker, image: ImageRgb): Promise<DetectionResult> {
    const { width, height } = image;
    const isWholeBuffer = image.data.byteLength === image.data.buffer.byteLength;
    // Transferring a view would take its neighbours in the same buffer along.
    const data = isWholeBuffer ? image.data : image.data.slice();
    const id = this.nextId++;
    const { promise, resolve, reject } = withResolvers<DetectionResult>();
    this.inFlight.set(id, { settled: promise, resolve, reject });
    worker.postMessage({ kind: 'detect', id, width, height, data } satisfies ToWorker, [data.buffer]);
    return promise;
  }

  private watch(worker: Worker): void {
    let reason: string | undefined;
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'ready' || message.id === undefined) return;
      const request = this.inFlight.get(message.id);
      this.inFlight.delete(message.id);
      if (message.kind === 'result') request?.resolve(message.result);
      else request?.reject(deserialize(message.error));
    });
    worker.on('error', (error) => {
      reason = error instanceof Error ? error.message : String(error);
    });
    worker.once('exit', (code) => {
      this.worker = undefined;
      const error = new PlumblineError('PLB_RUNTIME_WORKER_CRASHED', { reason: reason ?? `exit code ${code}` });
      for (const request of this.inFlight.values()) request.reject(error);
      this.inFlight.clear();
    });
  }
}

/** Waits until a fresh worker has opened the model; rejects with the coded error that it reports. */
function whenReady(worker: Worker): Promise<DetectorInfo> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      finish();
    };
    const crashed = (reason: string) => new PlumblineError('PLB_RUNTIME_WORKER_CRASHED', { reason });
    const onMessage = (message: FromWorker) => {
      if (message.kind === 'ready') settle(() => resolve(message.info));
      else if (message.kind === 'error') settle(() => reject(deserialize(message.error)));
    };
    const onError = (error: unknown) =>
      settle(() => reject(crashed(error instanceof Error ? error.message : String(error))));
    const onExit = (code: number) => settle(() => reject(crashed(`exit code ${code} before it was ready`)));
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
  });
}

/** Promise.withResolvers, which Node 20 lacks. */
function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

function deserialize(error: SerializedError): Error {
  return error.code === undefined ? new Error(error.message) : new PlumblineError(error.code, error.params as never);
}
