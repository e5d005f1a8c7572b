export { PlumblineError, isPlumblineError, toErrorReport, type ErrorReport } from './plumbline-error.js';
export { errorTable, type ErrorCode, type ErrorParams } from './table.js';
export { entry, type ErrorEntry } from './define.js';
