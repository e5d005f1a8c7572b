import { PlumblineError } from '@plumbline/contract';

/** The part of WebGPU's device that tells of errors. */
export interface FaultyDevice {
  addEventListener(type: 'uncapturederror', listener: (event: { readonly error: object }) => void): void;
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
}

let fault: PlumblineError | undefined;

/**
 * A device reports errors beside the calls that caused them, and what was computed since is worthless: the first one is
 * kept until {@link throwFault} hands it to whoever waits for values.
 * @param name of the device, for the message
 */
export function watchFaults(device: FaultyDevice, name: string): void {
  device.addEventListener('uncapturederror', ({ error }) => {
    const message = firstLine('message' in error ? String(error.message) : String(error));
    const isMemory = error.constructor.name === 'GPUOutOfMemoryError';
    const code = isMemory ? 'PLB_TRAIN_DEVICE_OUT_OF_MEMORY' : 'PLB_TRAIN_DEVICE_FAILED';
    fault ??= new PlumblineError(code, { device: name, reason: message });
  });
  void device.lost.then(({ reason, message }) => {
    if (reason !== 'destroyed')
      fault ??= new PlumblineError('PLB_TRAIN_DEVICE_FAILED', { device: name, reason: firstLine(message) || reason });
  });
}

/** @throws {PlumblineError} PLB_TRAIN_DEVICE_OUT_OF_MEMORY, PLB_TRAIN_DEVICE_FAILED */
export function throwFault(): void {
  const thrown = fault;
  fault = undefined;
  if (thrown) throw thrown;
}

const firstLine = (text: string) => (text.split('\n')[0] ?? '').trim();
