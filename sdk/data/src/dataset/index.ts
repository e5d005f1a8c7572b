export {
  type Dataset,
  type DatasetSpec,
  openDataset,
  parseDatasetSpec,
  readDataset,
  type SampleRef,
} from './dataset.js';
export { deepPcbClasses, parseDeepPcbLabels } from './deeppcb.js';
export { readImageRgb, readImageSize } from './image.js';
export { type DatasetInspection, type DatasetProblem, inspectDataset } from './inspect.js';
export type { ProblemSink } from './problems.js';
