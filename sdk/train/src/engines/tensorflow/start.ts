import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PlumblineError } from '@plumbline/contract';
import * as tf from '@tensorflow/tfjs-core';
import { tensorflowBackend } from './kernels.js';
import { findTensorflow, tensorflowDir } from './locate.js';

/**
 * Loads tfjs-node from the cache folder. It brings its own copy of tfjs-core; both copies register into the same
 * global engine and kernel tables, which is why the versions have to be equal.
 * @returns the version of TensorFlow's library
 */
export async function startTensorflow(cacheDir?: string): Promise<string> {
  const found = findTensorflow(cacheDir);
  if (!found) throw new PlumblineError('PLB_TRAIN_ENGINE_NOT_SET_UP', { dir: tensorflowDir(cacheDir) });
  try {
    // Must happen before the library is loaded: 2 hides its banner and keeps errors.
    process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
    // Without it CropAndResizeGradImage adds from several threads to one pixel without a lock: 10-20 % of the pixels
    // differed between runs, some by a whole contribution. Measured cost on 2 cores: 2 ms in 51.
    process.env.TF_DETERMINISTIC_OPS ??= '1';
    const require = createRequire(join(found.dir, 'package.json'));
    restoreRemovedNodeUtilities(require('node:util'));
    const other = quietly(() => require('@tensorflow/tfjs-core') as { version_core: string });
    if (other.version_core !== tf.version_core) {
      throw new Error(`it was set up for tfjs ${other.version_core}, this package uses ${tf.version_core}`);
    }
    quietly(() => require('@tensorflow/tfjs-node'));
    if (!(await tf.setBackend('tensorflow'))) throw new Error('the backend refused to start');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PlumblineError('PLB_TRAIN_ENGINE_BROKEN', { dir: found.dir, reason }, { cause });
  }
  return tensorflowBackend().binding.TF_Version;
}

/** Node 23 removed two functions that tfjs-node 4.22 calls. */
function restoreRemovedNodeUtilities(util: Record<string, unknown>): void {
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}

/** The second copy of tfjs warns of everything the first one has registered already, which is expected here. */
function quietly<T>(load: () => T): T {
  const warn = console.warn;
  console.warn = () => {};
  try {
    return load();
  } finally {
    console.warn = warn;
  }
}
