export { type Calibration, type CalibrationBin, calibrate } from './calibration.js';
export { type ConfusionMatrix, confusionMatrix } from './confusion.js';
export { type ImageOutcome, imageOutcomes, onlyFirstRight } from './image-outcomes.js';
export { type LocalisationHistogram, localisationHistogram } from './localisation.js';
export { type BoxMatches, detectionsByImage, groundTruthsByImage, matchBoxes } from './match-boxes.js';
export {
  bestF1,
  type OperatingPoint,
  type OperatingPoints,
  operatingPoints,
  thresholdGrid,
} from './operating-points.js';
export { type PrecisionRecallCurve, precisionRecallCurves } from './precision-recall.js';
export { recallBySize, type SizeRange } from './size-recall.js';
export { findTideErrors, type TideErrors, type TideErrorType, tideErrorTypes } from './tide-errors.js';
export { analyseTide, type TideAnalysis, type TideFigure } from './tide-oracles.js';
export { wilsonInterval } from './wilson.js';
export { type WorstFalseCall, type WorstMiss, worstFalseCalls, worstMisses } from './worst-cases.js';
