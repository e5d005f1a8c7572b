export { LatencyWindow, type Percentiles } from './latency-window.js';
export { type DropReason, type LineCounts, LineStatistics } from './line-statistics.js';
export { evaluateRules, findUnknownClasses, type UnknownClass, type Verdict } from './rules.js';
