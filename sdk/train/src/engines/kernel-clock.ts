import { isTensorflow, tensorflowBackend } from './tensorflow/kernels.js';

/** Time spent inside the operations of an engine. */
export interface KernelClock {
  /** Ends the measurement. @returns the operations by descending time */
  stop(): { readonly name: string; readonly seconds: number; readonly calls: number }[];
}

/**
 * Times each operation of TensorFlow's library, which computes in the calling thread; the upload of its inputs is
 * included.
 * @returns undefined on other engines: webgpu computes beside the thread, wasm has no single entry
 */
export function startKernelClock(): KernelClock | undefined {
  if (!isTensorflow()) return undefined;
  const backend = tensorflowBackend();
  const times = new Map<string, { seconds: number; calls: number }>();
  function timed<Rest extends unknown[], Result>(execute: (name: string, ...rest: Rest) => Result) {
    return (name: string, ...rest: Rest): Result => {
      const startedMs = performance.now();
      try {
        return execute.call(backend, name, ...rest);
      } finally {
        const time = times.get(name) ?? { seconds: 0, calls: 0 };
        times.set(name, time);
        time.seconds += (performance.now() - startedMs) / 1000;
        time.calls++;
      }
    };
  }
  // On the instance: the methods of its class stay as they are.
  const own = {
    executeSingleOutput: timed(backend.executeSingleOutput),
    executeMultipleOutputs: timed(backend.executeMultipleOutputs),
  };
  Object.assign(backend, own);
  return {
    stop() {
      for (const name of Object.keys(own)) Reflect.deleteProperty(backend, name);
      return [...times].map(([name, time]) => ({ name, ...time })).sort((a, b) => b.seconds - a.seconds);
    },
  };
}
