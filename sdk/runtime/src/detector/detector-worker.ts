import { parentPort, workerData } from 'node:worker_threads';
import { isPlumblineError } from '@plumbline/contract';
import type { Detector, DetectorOptions } from './detector.js';
import { createDetector } from './session-detector.js';
import type { FromWorker, SerializedError, ToWorker } from './worker-messages.js';

/** Thread body of a worker detector: opens the model, then answers one frame after the other. */
const port = parentPort!;
const send = (message: FromWorker, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

function serialize(error: unknown): SerializedError {
  if (isPlumblineError(error)) return { code: error.code, params: error.params };
  return { message: error instanceof Error ? error.message : String(error) };
}

async function answer(detector: Detector, message: ToWorker): Promise<void> {
  if (message.kind === 'dispose') {
    await detector.dispose();
    port.close();
    return;
  }
  const { id, width, height, data } = message;
  try {
    const result = await detector.detect({ width, height, data });
    send({ kind: 'result', id, result }, [result.image.data.buffer]);
  } catch (error) {
    send({ kind: 'error', id, error: serialize(error) });
  }
}

try {
  const detector = await createDetector(workerData as DetectorOptions);
  let queue: Promise<void> = Promise.resolve();
  port.on('message', (message: ToWorker) => {
    queue = queue.then(() => answer(detector, message));
  });
  send({ kind: 'ready', info: detector.info });
} catch (error) {
  send({ kind: 'error', error: serialize(error) });
  port.close();
}
