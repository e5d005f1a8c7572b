import { entry } from './define.js';

export const runtimeErrors = {
  PLB_RUNTIME_MANIFEST_MISSING: entry(
    (p: { file: string }) => `${p.file}: there is no manifest`,
    'Name a model folder: it holds manifest.json and model.onnx, as `plumbline export` writes them.',
    'input',
  ),
  PLB_RUNTIME_MODEL_MISSING: entry(
    (p: { file: string; reason: string }) => `${p.file}: the model file cannot be read (${p.reason})`,
    'Copy the complete model folder again; the manifest lists the files that belong to it.',
    'input',
  ),
  PLB_RUNTIME_MODEL_HASH_MISMATCH: entry(
    (p: { file: string; expectedSha256: string; actualSha256: string }) =>
      `${p.file}: sha256 is ${p.actualSha256}, the manifest says ${p.expectedSha256}`,
    'The file was changed or copied incompletely. Copy the model folder again, or run `plumbline export` again.',
    'input',
  ),
  PLB_RUNTIME_MODEL_UNREADABLE: entry(
    (p: { file: string; reason: string }) => `${p.file}: cannot be loaded as a model: ${p.reason}`,
    'The file is damaged or needs another ONNX Runtime. Copy it again, or export it again with `plumbline export`.',
    'input',
  ),
  PLB_RUNTIME_MODEL_INTERFACE: entry(
    (p: { file: string; problem: string }) => `${p.file}: ${p.problem}`,
    'The graph does not match its manifest. Export the model again with `plumbline export`, which writes both.',
    'input',
  ),
  PLB_RUNTIME_PROVIDER_UNAVAILABLE: entry(
    (p: { requested: string; reasons: string }) =>
      `no execution provider of [${p.requested}] can be used: ${p.reasons}`,
    'Name one that this machine has (`cpu` always is), or install the ONNX Runtime build that carries it.',
    'input',
  ),
  PLB_RUNTIME_THRESHOLD_TOO_LOW: entry(
    (p: { requested: number; lowest: number }) =>
      `score threshold ${p.requested} is below ${p.lowest}, the lowest score that the model returns`,
    'Use a higher threshold, or export the model with a lower test.scoreThreshold.',
    'input',
  ),
  PLB_RUNTIME_IMAGE_INVALID: entry(
    (p: { width: number; height: number; bytes: number }) =>
      `an image of ${p.width} x ${p.height} px has ${p.width * p.height * 3} bytes of RGB, not ${p.bytes}`,
    'Pass interleaved 8-bit RGB rows without padding; a transferred image has 0 bytes and cannot be used again.',
  ),
  PLB_RUNTIME_FRAME_SIZE: entry(
    (p: { width: number; height: number; fixedWidth: number; fixedHeight: number }) =>
      `a frame of ${p.width} x ${p.height} px was given, this model takes ${p.fixedWidth} x ${p.fixedHeight} px only`,
    'Set the camera to that size, or export the model for frames of the size that it has: `plumbline export --frame WxH`.',
    'input',
  ),
  PLB_RUNTIME_INFERENCE_FAILED: entry(
    (p: { file: string; reason: string }) => `${p.file}: inference failed: ${p.reason}`,
    'The frame was not inspected. If it happens again, export the model again and check free memory.',
  ),
  PLB_RUNTIME_WORKER_CRASHED: entry(
    (p: { reason: string }) => `the inference worker ended: ${p.reason}`,
    'Frames in flight were not inspected; the next frame starts a new worker. Repeated crashes point to lack of memory.',
  ),
  PLB_RUNTIME_DETECTOR_DISPOSED: entry(
    () => 'the detector was disposed of while or before a frame was given to it',
    'Create a new detector; dispose of it only after the last frame.',
  ),
} as const;
