export { openDataset, readDataset } from './dataset.js';
export { deepPcbClasses, parseDeepPcbLabels } from './deeppcb.js';
export {
  type DecodedImage,
  largestValueOf16Bit,
  pictureJpeg,
  readImage,
  readImageRgb,
  readImageSize,
} from './image.js';
export { mapConcurrently } from './parallel.js';
export type { ProblemSink } from './problems.js';
export { type Dataset, type DatasetSpec, type SampleRef, withoutCrowds } from './sample.js';
export { parseDatasetSpec } from './spec.js';
