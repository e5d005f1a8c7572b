export { benchBatch, benchTraining, type TrainingFigures } from './bench-step.js';
export {
  type CheckpointHeader,
  findCheckpoint,
  loadWeights,
  type RunState,
  readCheckpointHeader,
  writeCheckpoint,
} from './checkpoint.js';
export { learningRateAt } from './schedule.js';
export { Sgd } from './sgd.js';
export { type StepBatch, type StepOutcome, type StepSeconds, trainStep } from './train-step.js';
export { type StepMetrics, type TrainOptions, type TrainResult, train, type ValidationMetrics } from './trainer.js';
