export type { Engine, EngineChoice, EngineMemory, EngineName, EngineOptions } from './engine.js';
export { loadEngine } from './load-engine.js';
export { type BatchNormResult, batchNormTrain } from './ops/batch-norm-train.js';
export { biasAdd } from './ops/bias-add.js';
export { conv2dPadded, type Padding } from './ops/conv2d-padded.js';
export { maxPool3x3s2 } from './ops/max-pool.js';
export { relu } from './ops/relu.js';
export { cropAndResizeRoiAlign } from './ops/roi-align.js';
export { findTensorflow, tensorflowDir } from './tensorflow/locate.js';
