export { type ModelFileTarget, modelFileTarget, writeModelFile } from '../model-file.js';
export { type GateFigures, type GateOutcome, type GateSteps, type LayerHarm, searchGate } from './accuracy-gate.js';
export { type CalibrationImage, type CalibrationOptions, calibrationImages, measureRanges } from './calibrate.js';
export { chooseNodes, featureNodes, type NodeChoice } from './choose-nodes.js';
export { withOutputs } from './extra-outputs.js';
export { foreignNodes } from './foreign-nodes.js';
export { GraphView } from './graph-view.js';
export { measureLayerNoise } from './layer-noise.js';
export { ModelJudge } from './model-judge.js';
export { planQdq, type QdqSettings, valuesToMeasure } from './qdq-plan.js';
export { calibrateQuantizer, type Layer, Quantizer, type QuantizerOptions } from './quantizer.js';
export {
  type CalibrationMethod,
  calibrationMethods,
  createCollector,
  type Range,
} from './range-collectors.js';
export { type StaticModel, withStaticModel } from './static-model.js';
export { hasVnni, type QuantizeTarget, quantizeTargets, targetSettings } from './targets.js';
export { writeQdq } from './write-qdq.js';
