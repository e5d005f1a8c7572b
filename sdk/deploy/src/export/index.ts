export { type Checkpoint, Weights } from './checkpoint.js';
export type { ExportedModel } from './detector-graph.js';
export { matrixNmsRounds } from './matrix-nms.js';
export { type ModelIdentity, type WrittenModel, writeModelFolder } from './model-folder-writer.js';
export { NmsStudy, type SuppressedSet } from './nms-study.js';
export { compareDetections, type Parity, type SetDifference } from './parity.js';
export {
  exportPortable,
  type PortableOpset,
  type PortableOptions,
  portableInput,
  portableOpsets,
  portableOutputs,
} from './portable.js';
export { readCheckpoint } from './read-checkpoint.js';
export { RegionProbe } from './region-probe.js';
export {
  exportTensorrt,
  type TensorrtOpset,
  type TensorrtOptions,
  type TensorrtPrecision,
  tensorrtOpsets,
} from './tensorrt.js';
