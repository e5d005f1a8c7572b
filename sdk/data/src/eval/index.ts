export { readCocoDetections, readCocoGroundTruth, readCocoImageNames } from './coco-files.js';
export { areaRanges, iouThresholds, maxDetections, recallThresholds } from './coco-grid.js';
export {
  type CocoDetections,
  type CocoGroundTruth,
  type CocoResult,
  detectionTable,
  groundTruthOfDataset,
} from './coco-tables.js';
export { type DatasetDetections, detectDataset, type EvaluatedDetector } from './detect-dataset.js';
export {
  averagePrecision,
  averageRecall,
  type CocoEvaluation,
  type CocoSlice,
  type CocoStats,
  evaluateCoco,
} from './evaluate-coco.js';
