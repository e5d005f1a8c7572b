export type { NearDuplicate } from './find-problems.js';
export {
  type DatasetInspection,
  type DatasetProblem,
  type InspectedDataset,
  type InspectOptions,
  inspectDataset,
} from './inspect-dataset.js';
export { findNearPairs, hashDistance, type ImageSignature, type NearPair, signatureOf } from './near-duplicates.js';
export type { BoxMeasures, LabelStatistics, Quantiles } from './statistics.js';
