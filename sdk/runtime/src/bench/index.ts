export { benchmarkDetector, type HardwareFacts, hardwareFacts, type InferenceFigures } from './benchmark.js';
