export { type Batch, BatchLoader, type BatchLoaderOptions } from './batch-loader.js';
export { type DrawBatchOptions, drawBatch } from './draw-batch.js';
export type { BatchGroundTruth } from './maker-messages.js';
export { type LoaderFigures, measureLoader } from './measure-loader.js';
