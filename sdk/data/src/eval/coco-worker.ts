import { workerData } from 'node:worker_threads';
import { type CategoryWork, evaluateCategories } from './evaluate-coco-threads.js';

/** Thread body of evaluateCocoInThreads. */
evaluateCategories(workerData as CategoryWork);
