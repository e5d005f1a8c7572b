import type * as tfjs from '@tensorflow/tfjs-core';

/** Engines that can be asked for; `auto` takes the fastest one that is set up. */
export type EngineChoice = 'auto' | EngineName;
export type EngineName = 'tensorflow' | 'webgpu' | 'wasm';

export interface EngineOptions {
  /** Folder that holds `tensorflow/`; default `$PLUMBLINE_CACHE`, else `~/.cache/plumbline`. */
  cacheDir?: string;
}

/** What an engine holds at the moment. */
export interface EngineMemory {
  numTensors: number;
  /** Bytes in tensors as tfjs counts them; scratch space of kernels is not included. */
  numBytes: number;
  /** Resident memory of the whole process. */
  rssBytes: number;
}

/** The numeric engine of this process. There is one at a time: tfjs keeps its state in a global. */
export interface Engine {
  readonly name: EngineName;
  /** Why this engine runs, for the terminal. */
  readonly reason: string;
  /** Version of what computes: TensorFlow's library, or the tfjs backend. */
  readonly version: string;
  /** The graphics device, as its driver calls it; `cpu` where the processor computes. */
  readonly device: string;
  /** The `@tensorflow/tfjs-core` module that everything in this package imports. */
  readonly tf: typeof tfjs;
  memory(): EngineMemory;
}
