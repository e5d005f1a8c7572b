import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** The files that belong to the engine of one model; all lie beside it. */
export interface EngineFiles {
  /** TensorRT's plan. */
  readonly engine: string;
  /** One-node ONNX file that ONNX Runtime loads. */
  readonly wrapper: string;
  /** What the engine was built from, on what and how. */
  readonly record: string;
  /** What trtexec writes to. */
  readonly partial: string;
  /** Measured kernels, which make the next build shorter. */
  readonly timingCache: string;
}

/** @param modelPath `model.tensorrt.onnx` gives `model.tensorrt.engine`, `.engine.onnx`, `.engine.json` and `.timing-cache` */
export function engineFiles(modelPath: string): EngineFiles {
  const stem = join(dirname(modelPath), basename(modelPath).replace(/\.onnx$/, ''));
  const engine = `${stem}.engine`;
  return {
    engine,
    wrapper: `${engine}.onnx`,
    record: `${engine}.json`,
    partial: `${engine}.partial`,
    timingCache: `${stem}.timing-cache`,
  };
}

/** Lower-case hex. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
