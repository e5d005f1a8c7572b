export { type ErrorEntry, entry } from './define.js';
export { type ErrorReport, isPlumblineError, PlumblineError, toErrorReport } from './plumbline-error.js';
export { type ErrorCode, type ErrorParams, errorTable } from './table.js';
