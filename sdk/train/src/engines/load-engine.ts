import * as tf from '@tensorflow/tfjs-core';
import type { Engine, EngineChoice, EngineName, EngineOptions } from './engine.js';
import { registerFastGradients } from './ops/fast-gradients.js';
import { findTensorflow, tensorflowDir } from './tensorflow/locate.js';
import { startTensorflow } from './tensorflow/start.js';
import { startWasm } from './wasm/start.js';

/**
 * Starts the numeric engine and makes it the current tfjs backend.
 *
 * `auto` takes `tensorflow` if it was set up, else `wasm`, and says why in `reason`.
 * @throws {PlumblineError} PLB_TRAIN_ENGINE_NOT_SET_UP if `tensorflow` is asked for and absent,
 *   PLB_TRAIN_ENGINE_BROKEN if it is present and does not start
 */
export async function loadEngine(choice: EngineChoice = 'auto', options: EngineOptions = {}): Promise<Engine> {
  const name: EngineName = choice === 'auto' ? (findTensorflow(options.cacheDir) ? 'tensorflow' : 'wasm') : choice;
  const version = name === 'tensorflow' ? await startTensorflow(options.cacheDir) : await startWasm();
  registerFastGradients();
  return { name, reason: reasonFor(choice, name, options.cacheDir), version, tf, memory };
}

function reasonFor(choice: EngineChoice, name: EngineName, cacheDir?: string): string {
  if (choice !== 'auto') return 'asked for';
  return name === 'tensorflow'
    ? `fastest engine set up (${tensorflowDir(cacheDir)})`
    : 'tensorflow is not set up; wasm trains about 60 times slower, set the faster one up with `plumbline doctor --setup tensorflow`';
}

function memory() {
  const { numTensors, numBytes } = tf.memory();
  return { numTensors, numBytes, rssBytes: process.memoryUsage.rss() };
}
