export { type RowSink, readCocoDetections, readCocoGroundTruth, readCocoImageNames } from './coco-files.js';
export {
  type AreaRange,
  areaRanges,
  type CocoGrid,
  cocoGrid,
  iouThresholds,
  maxDetections,
  recallThresholds,
} from './coco-grid.js';
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
export { evaluateCocoInThreads } from './evaluate-coco-threads.js';
export {
  bestDeepPcbThreshold,
  type DeepPcbEvaluation,
  type DeepPcbReading,
  evaluateDeepPcb,
} from './evaluate-deeppcb.js';
export { evaluateVoc, type VocClassResult, type VocEvaluation, type VocRules } from './evaluate-voc.js';
export { evaluateProtocol, type Protocol, type ProtocolOptions, type ProtocolReport, protocols } from './protocols.js';
