export { extremesOf, withExtremes, withOutputs } from './extra-outputs.js';
export { GraphView } from './graph-view.js';
export { isQuantizable, planQdq, type QdqPlan, type QdqSettings, valuesToMeasure } from './qdq-plan.js';
export {
  type CalibrationMethod,
  type CollectorOptions,
  calibrationMethods,
  createCollector,
  type Range,
  type RangeCollector,
} from './range-collectors.js';
export { writeQdq } from './write-qdq.js';
