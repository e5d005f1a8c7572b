import * as tf from '@tensorflow/tfjs-core';

/** Inputs of one program: WebGPU guarantees eight storage buffers, and one is the result's. */
const mostInputs = 7;

let isLimited = false;

/** tfjs 4.22 puts up to 15 inputs into one program, which a device refuses whose limits are the guaranteed ones. */
export function limitAddN(): void {
  if (isLimited) return;
  isLimited = true;
  const stock = tf.getKernel(tf.AddN, 'webgpu')!;
  const addStock = stock.kernelFunc;
  tf.unregisterKernel(tf.AddN, 'webgpu');
  tf.registerKernel({ ...stock, kernelFunc: addFew });

  function addFew(params: Parameters<tf.KernelFunc>[0]): tf.TensorInfo {
    const inputs = params.inputs as unknown as tf.TensorInfo[];
    if (inputs.length <= mostInputs) return addStock(params) as tf.TensorInfo;
    const backend = params.backend as { disposeData(id: object): boolean };
    const groups: tf.TensorInfo[][] = [];
    for (let i = 0; i < inputs.length; i += mostInputs) groups.push(inputs.slice(i, i + mostInputs));
    const sums = groups.map((group) => addStock({ ...params, inputs: group as never }) as tf.TensorInfo);
    const total = addFew({ ...params, inputs: sums as never });
    for (const sum of sums) backend.disposeData(sum.dataId);
    return total;
  }
}
