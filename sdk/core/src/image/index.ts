export type { Frame, ImageRgb } from './image.js';
export { resizeBilinear } from './resize.js';
