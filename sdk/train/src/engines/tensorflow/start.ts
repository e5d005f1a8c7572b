import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PlumblineError } from '@plumbline/contract';
import * as tf from '@tensorflow/tfjs-core';
import { tensorflowBackend } from './kernels.js';
import { findTensorflow, isCudaBuild, tensorflowDir } from './locate.js';
import { deviceEnvironment, findNvidia, type NvidiaState, usedDeviceName } from './nvidia.js';

export interface StartedTensorflow {
  /** Of TensorFlow's library. */
  version: string;
  /** The graphics device that computes, or `cpu`. */
  device: string;
  /** Why a CUDA build computes on the processor. */
  remark?: string;
}

/**
 * Loads tfjs-node from the cache folder. It brings its own copy of tfjs-core; both copies register into the same
 * global engine and kernel tables, which is why the versions have to be equal. A CUDA build computes on the graphics
 * device if one answers, else on the processor.
 */
export async function startTensorflow(cacheDir?: string): Promise<StartedTensorflow> {
  const found = findTensorflow(cacheDir);
  if (!found) throw new PlumblineError('PLB_TRAIN_ENGINE_NOT_SET_UP', { dir: tensorflowDir(cacheDir) });
  const isCuda = isCudaBuild(found.dir);
  const nvidia = isCuda ? await prepareForNvidia() : undefined;
  try {
    // Must happen before the library is loaded: 2 hides its banner and keeps errors.
    process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
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
  const { binding } = tensorflowBackend();
  const isOnDevice = binding.isUsingGpuDevice();
  requireReproducibleSums(isOnDevice);
  const version = binding.TF_Version;
  if (isOnDevice) return { version, device: usedDeviceName(nvidia?.ok ? nvidia.devices : []) };
  if (!nvidia) return { version, device: 'cpu' };
  const why = nvidia.ok ? 'TensorFlow opens no NVIDIA device' : `no NVIDIA device answers (${nvidia.reason})`;
  return { version, device: 'cpu', remark: `its CUDA build computes on the processor: ${why}` };
}

/** CUDA reads these when TensorFlow first opens it. What the user has set is kept. */
async function prepareForNvidia(): Promise<NvidiaState> {
  const nvidia = await findNvidia();
  process.env.CUDA_DEVICE_ORDER ??= 'PCI_BUS_ID';
  if (nvidia.ok) Object.assign(process.env, deviceEnvironment(nvidia.devices));
  // TensorFlow would take all memory at once, also of a card that drives the desktop.
  process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true';
  return nvidia;
}

/**
 * On the processor, without it, CropAndResizeGradImage adds from several threads to one pixel without a lock: 10-20 %
 * of the pixels differed between runs, some by a whole contribution. Measured cost on 2 cores: 2 ms in 51. On a
 * graphics device the same setting makes TensorFlow refuse that operation ("Deterministic GPU implementation of
 * CropAndResizeBackpropImage not available"), which adds atomically there. TensorFlow reads the variable when its
 * first operation runs, so after the backend has started is early enough.
 */
function requireReproducibleSums(isOnDevice: boolean): void {
  process.env.TF_DETERMINISTIC_OPS ??= isOnDevice ? '0' : '1';
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
