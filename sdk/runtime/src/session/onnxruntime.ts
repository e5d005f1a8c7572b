import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { PlumblineError } from '@plumbline/contract';

type Onnxruntime = typeof import('onnxruntime-node');

/**
 * From 1.29 on ONNX Runtime for Linux sends records of sessions to its makers, and keeps an identifier and a database on the
 * disk; 1 stops it before it starts. It reads the environment when it is loaded, and what a worker thread sets does not
 * reach it: this stands at the top so that the main thread sets it.
 */
process.env.ORT_DISABLE_TELEMETRY ??= '1';

/** Environment variable that names the folder of another onnxruntime-node package, such as one built on a Jetson. */
export const onnxruntimeVariable = 'PLUMBLINE_ONNXRUNTIME';

let loaded: Onnxruntime | undefined;

/** Folder of the configured package; undefined for the one that npm installed. */
export function configuredOnnxruntime(): string | undefined {
  const folder = process.env[onnxruntimeVariable];
  return folder ? resolve(folder) : undefined;
}

/**
 * The onnxruntime-node in use; everything here gets it from this function. A process holds one only: the native libraries of
 * two releases have the same name, and the second would be given the first one's ("version `VERS_1.25.1' not found").
 * @throws {PlumblineError} PLB_RUNTIME_ONNXRUNTIME_UNUSABLE when the configured folder does not load
 */
export function onnxruntime(): Onnxruntime {
  loaded ??= load();
  return loaded;
}

function load(): Onnxruntime {
  const require = createRequire(import.meta.url);
  const folder = configuredOnnxruntime();
  if (folder === undefined) return require('onnxruntime-node');
  try {
    const { name } = require(resolve(folder, 'package.json'));
    if (name !== 'onnxruntime-node') throw new Error(`package.json is that of ${name}`);
    return require(folder);
  } catch (cause) {
    const reason = (cause instanceof Error ? cause.message : String(cause)).split('\n')[0]!;
    throw new PlumblineError('PLB_RUNTIME_ONNXRUNTIME_UNUSABLE', { folder, reason }, { cause });
  }
}
