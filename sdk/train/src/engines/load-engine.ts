import * as tf from '@tensorflow/tfjs-core';
import type { Engine, EngineChoice, EngineName, EngineOptions } from './engine.js';
import { registerFastGradients } from './ops/fast-gradients.js';
import { findTensorflow, tensorflowDir } from './tensorflow/locate.js';
import { type StartedTensorflow, startTensorflow } from './tensorflow/start.js';
import { startWasm } from './wasm/start.js';
import { findWebgpuDevice, startWebgpu } from './webgpu/start.js';

const setUpTensorflow = 'set TensorFlow up with `plumbline doctor --setup tensorflow`';

/**
 * Starts the numeric engine and makes it the current tfjs backend.
 *
 * `auto` takes `tensorflow` if it was set up, else `webgpu` if a graphics device that is no software one answers, else
 * `wasm`, and says why in `reason`; also why a TensorFlow set up for CUDA computes on the processor.
 * @throws {PlumblineError} PLB_TRAIN_ENGINE_NOT_SET_UP if `tensorflow` is asked for and absent,
 *   PLB_TRAIN_ENGINE_BROKEN if it is present and does not start; PLB_TRAIN_WEBGPU_NOT_INSTALLED,
 *   PLB_TRAIN_NO_WEBGPU_DEVICE and PLB_TRAIN_DEVICE_FAILED likewise for `webgpu`
 */
export async function loadEngine(choice: EngineChoice = 'auto', options: EngineOptions = {}): Promise<Engine> {
  const { name, reason } = choice === 'auto' ? await choose(options) : { name: choice, reason: 'asked for' };
  const { version, device, remark } = await start(name, options);
  registerFastGradients();
  return { name, reason: remark ? `${reason}; ${remark}` : reason, version, device, tf, memory };
}

async function choose({ cacheDir }: EngineOptions): Promise<{ name: EngineName; reason: string }> {
  if (findTensorflow(cacheDir)) {
    return { name: 'tensorflow', reason: `fastest engine set up (${tensorflowDir(cacheDir)})` };
  }
  const notSetUp = 'tensorflow is not set up';
  // Not installed, no driver: whatever the reason, the next engine does.
  const device = await findWebgpuDevice().catch(() => undefined);
  if (device && !device.isSoftware) return { name: 'webgpu', reason: `${notSetUp}; ${device.name} answers` };
  const why = device ? `${device.name} is a software device` : 'no graphics device answers';
  return { name: 'wasm', reason: `${notSetUp} and ${why}; wasm trains about 60 times slower, ${setUpTensorflow}` };
}

async function start(name: EngineName, { cacheDir }: EngineOptions): Promise<StartedTensorflow> {
  if (name === 'tensorflow') return startTensorflow(cacheDir);
  if (name === 'wasm') return { version: await startWasm(), device: 'cpu' };
  const { version, device } = await startWebgpu();
  return { version, device: device.name };
}

function memory() {
  const { numTensors, numBytes } = tf.memory();
  return { numTensors, numBytes, rssBytes: process.memoryUsage.rss() };
}
