import { PlumblineError } from '@plumbline/contract';
import * as tf from '@tensorflow/tfjs-core';
import { limitAddN } from './add-n.js';
import { type FaultyDevice, watchFaults } from './faults.js';
import { replaceFilterGradient } from './filter-gradient.js';
import { sumInParts } from './sum-in-parts.js';

/** The part of WebGPU's adapter that is used here. */
interface Adapter {
  readonly info: {
    readonly vendor: string;
    readonly architecture: string;
    readonly device: string;
    readonly description: string;
  };
}

interface Gpu {
  requestAdapter(options?: { powerPreference: 'high-performance' }): Promise<Adapter | null>;
}

/** What drives the engine. */
export interface WebgpuDevice {
  /** As its driver calls it. */
  readonly name: string;
  /** A processor that plays graphics card: right and slow. */
  readonly isSoftware: boolean;
}

/** Dawn for Node: 50 MB to download, so that only who wants it has it. The compiler does not look for a variable. */
const dawnPackage: string = 'webgpu';
const softwareArchitectures = ['swiftshader', 'llvmpipe', 'lavapipe', 'warp'];
let gpu: Gpu | undefined;
let watched: unknown;

/**
 * Asks Dawn for the fastest graphics device.
 * @returns undefined where no driver answers
 * @throws {PlumblineError} PLB_TRAIN_WEBGPU_NOT_INSTALLED
 */
export async function findWebgpuDevice(): Promise<WebgpuDevice | undefined> {
  gpu ??= await createGpu();
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return undefined;
  const { vendor, architecture, device, description } = adapter.info;
  const text = `${vendor} ${architecture} ${device} ${description}`.toLowerCase();
  return {
    name: device || description || `${vendor} ${architecture}`.trim(),
    isSoftware: softwareArchitectures.some((name) => text.includes(name)),
  };
}

/**
 * Starts tfjs' WebGPU backend on Dawn.
 * @returns the version of that backend, and the device
 * @throws {PlumblineError} PLB_TRAIN_WEBGPU_NOT_INSTALLED, PLB_TRAIN_NO_WEBGPU_DEVICE, PLB_TRAIN_DEVICE_FAILED
 */
export async function startWebgpu(): Promise<{ version: string; device: WebgpuDevice }> {
  const device = await findWebgpuDevice();
  if (!device) throw new PlumblineError('PLB_TRAIN_NO_WEBGPU_DEVICE', {});
  try {
    // The union package is what registers the gradients; tfjs-core alone has none.
    await import('@tensorflow/tfjs');
    await import('@tensorflow/tfjs-backend-webgpu');
    if (!(await tf.setBackend('webgpu'))) throw new Error('the backend refused to start');
    await tf.ready();
    limitAddN();
    replaceFilterGradient();
    sumInParts();
    if (watched !== tf.backend()) {
      watched = tf.backend();
      watchFaults((watched as unknown as { device: FaultyDevice }).device, device.name);
    }
    return { version: tf.version_core, device }; // all packages of tfjs carry one version
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PlumblineError('PLB_TRAIN_DEVICE_FAILED', { device: device.name, reason }, { cause });
  }
}

async function createGpu(): Promise<Gpu> {
  const dawn: { create(flags: string[]): Gpu; globals: object } = await import(dawnPackage).catch((cause) => {
    const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    throw new PlumblineError('PLB_TRAIN_WEBGPU_NOT_INSTALLED', { package: dawnPackage, reason }, { cause });
  });
  const created = dawn.create([]);
  Object.assign(globalThis, dawn.globals);
  // tfjs looks for it there, as in a browser; Node has a navigator since version 21.
  const navigator: object = Reflect.get(globalThis, 'navigator') ?? {};
  Object.defineProperty(navigator, 'gpu', { value: created, configurable: true });
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  return created;
}
