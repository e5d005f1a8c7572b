export type { Frame, ImageRgb } from './image.js';
