export {
  type OpenedSession,
  onnxRuntimeVersion,
  openSession,
  type ProviderAttempt,
  type SessionOptions,
} from './session.js';
