export type { DetectionResult, Detector, DetectorInfo, DetectorOptions } from './detector.js';
export { createDetector } from './session-detector.js';
export { createWorkerDetector } from './worker-detector.js';
