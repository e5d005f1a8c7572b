export { detectionsSvg, drawDetections } from './draw-detections.js';
