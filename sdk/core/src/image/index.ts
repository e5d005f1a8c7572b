export type { Frame, ImageRgb } from './image.js';
export { type Placement, paddedSide, placeByRule, placeImage } from './placement.js';
export { resizeBilinear, resizePixels } from './resize.js';
