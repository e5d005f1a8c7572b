export type { Detection } from './detection.js';
