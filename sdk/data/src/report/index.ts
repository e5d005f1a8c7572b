export { analyseEvaluation, type ClassCounts, type EvaluationAnalysis } from './analyse-evaluation.js';
export * from './analysis/index.js';
export { cropAround } from './crop-picture.js';
export type { EvaluationRecord } from './evaluation-record.js';
export { type Html, type HtmlValue, html } from './html.js';
export { renderInspection } from './render-inspection.js';
export { type QuantizationRecord, renderQuantization } from './render-quantization.js';
export { renderComparison, renderReport } from './render-report.js';
export { darkTokens, lightTokens, pictureTokens, styleSheet } from './theme.js';
