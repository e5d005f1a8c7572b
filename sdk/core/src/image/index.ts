export type { Frame, ImageRgb } from './image.js';
export { boxToSource, type Placement, paddedSide, placeByRule, placeImage } from './placement.js';
export { type FloatImageOptions, resizeBilinear, resizePixels, resizeToFloats } from './resize.js';
