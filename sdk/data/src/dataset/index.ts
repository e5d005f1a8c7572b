export { openDataset, parseDatasetSpec, readDataset } from './dataset.js';
export { deepPcbClasses, parseDeepPcbLabels } from './deeppcb.js';
export { type DecodedImage, readImage, readImageRgb, readImageSize } from './image.js';
export { type DatasetInspection, type DatasetProblem, inspectDataset } from './inspect.js';
export type { ProblemSink } from './problems.js';
export type { Dataset, DatasetSpec, SampleRef } from './sample.js';
