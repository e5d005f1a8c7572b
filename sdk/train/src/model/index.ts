export { type BackboneParameters, backbone, createBackbone } from './backbone.js';
export {
  type BranchDescription,
  type DescribeOptions,
  describeModel,
  type ModelDescription,
  type PartDescription,
} from './describe.js';
export {
  detectImage,
  detectOnBatch,
  detectOnInput,
  explainImage,
  type NetworkDetection,
  toNetworkInput,
} from './detect.js';
export {
  createDetectorModel,
  createModelParts,
  type DetectorModel,
  modelAnchors,
  runTrunk,
  type TrunkOutput,
} from './detector-model.js';
export { type ForwardContext, inferenceContext } from './layers.js';
export { binaryCrossEntropySum, crossEntropyMean, l1Sum, smoothL1Sum } from './losses.js';
export { type NamedModel, paperConfigurations } from './paper-configurations.js';
export { type Parameter, ParameterStore } from './parameters.js';
export { type Candidates, type Proposals, selectCandidates, suppressCandidates } from './proposals.js';
export type { GroundTruth, SampledRows } from './region-sampling.js';
export { runClassifier, runRegressor } from './roi-heads.js';
export { type PoolOptions, poolRois, type Rois } from './roi-pool.js';
export { type Choose, positiveSample, randomSample, type Sample } from './samplers.js';
export { type HeadOutput, runTestHeads } from './test-heads.js';
export { type LossTerms, trainingLosses, trainingLossesReading } from './training-losses.js';
export { exportWeights, importWeights, type StoredValue, storedValues, toStored } from './weights.js';
