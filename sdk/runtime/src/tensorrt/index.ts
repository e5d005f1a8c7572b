export {
  type BuildOptions,
  type BuiltEngine,
  buildEngine,
  type EngineOptions,
  type EnginePlan,
  type EnginePreview,
  planEngine,
  previewEngine,
  tensorrtModelFileName,
} from './build-engine.js';
export { readDeviceFacts, readJetPack, readTensorrtVersion } from './device-facts.js';
export { type EngineFiles, engineFiles } from './engine-files.js';
export { describeDifference, type EngineKeyParts, engineKey } from './engine-key.js';
export { type EngineWrapper, encodeEngineWrapper, readEngineWrapper } from './ep-context.js';
export { type EngineState, type FindEngineOptions, findEngine } from './find-engine.js';
export { type DeviceSources, findTrtexec, type Trtexec } from './find-trtexec.js';
export { type EngineReport, inspectEngine } from './inspect-engine.js';
export { isPinnedPairing, type JetPack, jetPackOf, pinnedPairing } from './jetpack.js';
export type { TrtexecProgress, TrtexecStage } from './trtexec-output.js';
