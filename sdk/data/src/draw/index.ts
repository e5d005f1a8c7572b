export { detectionsSvg, drawDetections, type LabelledBox, labelledBoxesSvg } from './draw-detections.js';
