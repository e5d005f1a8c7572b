import * as tf from '@tensorflow/tfjs-core';

/** A compute program as the tfjs WebGPU backend takes it; shapes of inputs and uniforms reach the code as `uniforms.*`. */
export interface WebgpuProgram {
  readonly outputShape: number[];
  /** Programs with the same key have the same code. */
  readonly shaderKey: string;
  readonly variableNames: string[];
  readonly uniforms: string;
  readonly workgroupSize: [number, number, number];
  readonly dispatchLayout: { readonly x: number[] };
  readonly dispatch: [number, number, number];
  /** True: `result` is an array of atomic<i32>. */
  readonly atomic?: boolean;
  getUserCode(): string;
}

export interface WebgpuBackend {
  runWebGPUProgram(
    program: WebgpuProgram,
    inputs: tf.TensorInfo[],
    dtype: tf.DataType,
    uniforms?: { type: 'int32' | 'float32'; data: number[] }[],
    output?: tf.TensorInfo,
  ): tf.TensorInfo;
}

const threads = 64;
/** WebGPU's guaranteed maxComputeWorkgroupsPerDimension. */
const groupsPerDimension = 65_535;

/** One thread for each of `size` values; `index` in the code, which has to leave those from `size` on. */
export function flatDispatch(
  shape: readonly number[],
): Pick<WebgpuProgram, 'dispatchLayout' | 'dispatch' | 'workgroupSize'> {
  const groups = Math.ceil(tf.util.sizeFromShape([...shape]) / threads);
  const rows = Math.ceil(groups / groupsPerDimension);
  return {
    workgroupSize: [threads, 1, 1],
    dispatchLayout: { x: shape.map((_, axis) => axis) },
    dispatch: rows === 1 ? [groups, 1, 1] : [Math.ceil(groups / rows), rows, 1],
  };
}

/** A float32 tensor of zeros on the device, without a copy from the host. */
export function zerosOnDevice(shape: number[], backend: WebgpuBackend): tf.TensorInfo {
  const { kernelFunc } = tf.getKernel(tf.Fill, 'webgpu')!;
  return kernelFunc({ inputs: {}, backend, attrs: { shape, value: 0, dtype: 'float32' } }) as tf.TensorInfo;
}
