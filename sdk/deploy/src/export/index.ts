export { type Checkpoint, readCheckpoint, Weights } from './checkpoint.js';
export {
  type ExportedModel,
  exportPortable,
  type PortableOptions,
  portableInput,
  portableOpset,
  portableOutputs,
} from './portable.js';
