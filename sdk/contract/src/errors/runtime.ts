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
  PLB_RUNTIME_TEMPORARY_FULL: entry(
    (p: { dir: string; freeBytes: number; neededBytes: number }) =>
      `${p.dir}: ${p.freeBytes} bytes are free for temporary files, ${p.neededBytes} are needed`,
    'Make room there, or name another folder in the environment variable TMPDIR.',
  ),
  PLB_RUNTIME_MODEL_INTERFACE: entry(
    (p: { file: string; problem: string }) => `${p.file}: ${p.problem}`,
    'The graph does not match its manifest. Export the model again with `plumbline export`, which writes both; bring one from elsewhere in again with `plumbline model adopt`.',
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
  PLB_RUNTIME_ONNXRUNTIME_UNUSABLE: entry(
    (p: { folder: string; reason: string }) =>
      `PLUMBLINE_ONNXRUNTIME is ${p.folder}: this onnxruntime-node does not load (${p.reason})`,
    'Name the folder of an onnxruntime-node package for this machine, with package.json in it, or unset the variable to use the one that npm installed.',
    'input',
  ),
  PLB_RUNTIME_DEVICE_FACT_MISSING: entry(
    (p: { fact: string; lookedFor: string }) => `cannot tell ${p.fact} of this device; looked for ${p.lookedFor}`,
    'An engine belongs to one TensorRT version on one graphics processor, so both have to be known. Run this on the device itself, with TensorRT installed (JetPack brings it); in a container pass those files and programs in.',
    'input',
  ),
  PLB_RUNTIME_JETPACK_UNSUPPORTED: entry(
    (p: { jetPack: string; l4t: string; tensorrt: string }) =>
      `JetPack ${p.jetPack} (L4T ${p.l4t}) brings TensorRT ${p.tensorrt}, which is too old`,
    'Install JetPack 6.1 or 6.2 on the device, or run the model on its processor.',
    'input',
  ),
  PLB_RUNTIME_TRTEXEC_MISSING: entry(
    (p: { lookedFor: string; reason: string }) => `trtexec cannot be used: ${p.reason}; looked for ${p.lookedFor}`,
    'Install it with `sudo apt-get install libnvinfer-bin`, or name it with --trtexec.',
    'input',
  ),
  PLB_RUNTIME_TRTEXEC_FAILED: entry(
    (p: { outcome: string; lines: string }) => `trtexec ${p.outcome}: ${p.lines}`,
    'The lines are from trtexec itself. Too little memory is frequent on small devices: stop other programs, lower --workspace-mib or --optimization-level. Nothing partial was left behind.',
  ),
  PLB_RUNTIME_ENGINE_NO_MODEL: entry(
    (p: { file: string }) => `${p.file}: there is no such model to build an engine from`,
    'Write it with `plumbline export --target tensorrt --out FOLDER/model.tensorrt.onnx`, or name an .onnx file of fixed sizes that the manifest beside it lists.',
    'input',
  ),
  PLB_RUNTIME_ENGINE_STOPPED: entry(
    (p: { file: string }) => `${p.file}: the build was stopped before the engine was complete`,
    'Run it again. What was measured up to a completed build is in the timing cache; nothing partial was left behind.',
  ),
  PLB_RUNTIME_ENGINE_SHAPE_DYNAMIC: entry(
    (p: { file: string; name: string; shape: string }) =>
      `${p.file}: "${p.name}" has the shape [${p.shape}]; an engine is built for fixed sizes only`,
    'Export the model with `plumbline export --target tensorrt`, whose inputs and outputs have fixed sizes.',
    'input',
  ),
  PLB_RUNTIME_ENGINE_WRITE_FAILED: entry(
    (p: { file: string; reason: string }) => `${p.file}: cannot be written (${p.reason})`,
    'Make room or choose another folder. No partial file is left behind.',
  ),
  PLB_RUNTIME_ENGINE_WRAPPER_INVALID: entry(
    (p: { file: string; problem: string }) => `${p.file}: not a wrapper of a TensorRT engine: ${p.problem}`,
    'Build the engine and its wrapper again with `plumbline engine build`.',
    'input',
  ),
  PLB_RUNTIME_ENGINE_MISSING: entry(
    (p: { file: string; reason: string }) => `${p.file}: there is no engine to look into (${p.reason})`,
    'Name the .engine, .engine.onnx or .engine.json file that `plumbline engine build` wrote.',
    'input',
  ),
} as const;
