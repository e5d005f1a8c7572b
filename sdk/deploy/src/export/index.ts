export { type Checkpoint, readCheckpoint, Weights } from './checkpoint.js';
export { type ModelIdentity, type WrittenModel, writeModelFolder } from './model-folder-writer.js';
export { compareDetections, type Parity } from './parity.js';
export {
  type ExportedModel,
  exportPortable,
  type PortableOpset,
  type PortableOptions,
  portableInput,
  portableOpsets,
  portableOutputs,
} from './portable.js';
