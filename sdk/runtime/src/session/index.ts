export { type Feed, type FramePlacement, feedFrame } from './feed.js';
export { foldConstants } from './fold-constants.js';
export { createFrameRunner, createValueRunner, type FrameRunner, type ValueRunner } from './frame-runner.js';
export { configuredOnnxruntime, onnxruntime, onnxruntimeVariable } from './onnxruntime.js';
export {
  describeFallback,
  type OpenedSession,
  onnxRuntimeVersion,
  openSession,
  type ProviderAttempt,
  type SessionOptions,
} from './session.js';
