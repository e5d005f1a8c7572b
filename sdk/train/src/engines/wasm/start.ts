import * as tf from '@tensorflow/tfjs-core';
import { registerMissingKernels } from './missing-kernels.js';

let version: string | undefined;

/** Starts the WebAssembly engine on one thread. @returns the version of the tfjs wasm backend */
export async function startWasm(): Promise<string> {
  if (version === undefined) {
    // The union package is what registers the gradients; tfjs-core alone has none.
    await import('@tensorflow/tfjs');
    const wasm = await import('@tensorflow/tfjs-backend-wasm');
    // Threads fail on Node 20 with ERR_WORKER_PATH.
    tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
    registerMissingKernels();
    version = wasm.version_wasm;
  }
  await tf.setBackend('wasm');
  await tf.ready();
  return version;
}
