export { benchmarkDetector, type HardwareFacts, hardwareFacts, type InferenceFigures, quantile } from './benchmark.js';
