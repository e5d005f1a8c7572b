import { PlumblineError } from '@plumbline/contract';

/** The part of WebGPU's device that tells of errors. */
export interface FaultyDevice {
  pushErrorScope(filter: 'validation' | 'out-of-memory'): void;
  popErrorScope(): Promise<{ readonly message: string } | null>;
  addEventListener(type: 'uncapturederror', listener: (event: { readonly error: object }) => void): void;
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
}

let watched: { readonly device: FaultyDevice; readonly name: string } | undefined;
let fault: PlumblineError | undefined;

/**
 * A device reports errors beside the calls that caused them, and what was computed since is worthless. From here on
 * {@link refusingFaults} throws them.
 * @param name of the device, for the message
 */
export function watchFaults(device: FaultyDevice, name: string): void {
  watched = { device, name };
  device.addEventListener('uncapturederror', ({ error }) => {
    keep('PLB_TRAIN_DEVICE_FAILED', name, 'message' in error ? String(error.message) : String(error));
  });
  void device.lost.then(({ reason, message }) => {
    if (reason !== 'destroyed') keep('PLB_TRAIN_DEVICE_FAILED', name, message || reason);
  });
}

/**
 * Does work on the device, if one is watched, and refuses its result if the device reported an error meanwhile or before.
 * @throws {PlumblineError} PLB_TRAIN_DEVICE_OUT_OF_MEMORY, PLB_TRAIN_DEVICE_FAILED
 */
export async function refusingFaults<Result>(work: () => Promise<Result>): Promise<Result> {
  if (!watched) return work();
  const { device, name } = watched;
  device.pushErrorScope('out-of-memory');
  device.pushErrorScope('validation');
  try {
    return await work();
  } finally {
    // Scopes form a stack; each answers when everything begun in it is done.
    const [invalid, full] = await Promise.all([device.popErrorScope(), device.popErrorScope()]);
    if (full) keep('PLB_TRAIN_DEVICE_OUT_OF_MEMORY', name, full.message);
    if (invalid) keep('PLB_TRAIN_DEVICE_FAILED', name, invalid.message);
    const thrown = fault;
    fault = undefined;
    // biome-ignore lint/correctness/noUnsafeFinally: an error of the device is the cause of whatever the work threw
    if (thrown) throw thrown;
  }
}

type Code = 'PLB_TRAIN_DEVICE_OUT_OF_MEMORY' | 'PLB_TRAIN_DEVICE_FAILED';

function keep(code: Code, device: string, message: string): void {
  fault ??= new PlumblineError(code, { device, reason: (message.split('\n')[0] ?? '').trim() });
}
