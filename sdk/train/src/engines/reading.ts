import type { Tensor } from '@tensorflow/tfjs-core';

/**
 * Work that needs values of tensors on the host in between: it yields a tensor and is given its values. One text serves
 * engines that hand values out at once (tensorflow, wasm) and those that have to wait for a device (webgpu).
 */
export type Reading<Result> = Generator<Tensor, Result, Float32Array>;

/** The values of a float32 tensor, in row order; not to be changed. */
export function* read(tensor: Tensor): Reading<Float32Array> {
  return yield tensor;
}

/** Does the work at once, on an engine that can. */
export function readSync<Result>(work: Reading<Result>): Result {
  let step = work.next();
  while (!step.done) step = work.next(step.value.dataSync() as Float32Array);
  return step.value;
}

/** Does the work on any engine; see {@link inScope} for what may run meanwhile. */
export async function readAsync<Result>(work: Reading<Result>): Promise<Result> {
  let step = work.next();
  while (!step.done) step = work.next((await step.value.data()) as Float32Array);
  return step.value;
}
