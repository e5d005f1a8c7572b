import { parentPort, workerData } from 'node:worker_threads';
import { BatchMaker, type MakerData } from './batch-maker.js';
import type { ToMaker } from './maker-messages.js';

/** Thread body of a loader: makes images of batches until it is terminated. */
const port = parentPort!;
const maker = new BatchMaker(workerData as MakerData, (message) => port.postMessage(message));
port.on('message', (batch: ToMaker) => maker.add(batch));
