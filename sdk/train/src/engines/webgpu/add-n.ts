import * as tf from '@tensorflow/tfjs-core';
import { replaceKernel } from './replace-kernel.js';

/** Inputs of one program: WebGPU guarantees eight storage buffers, and one is the result's. */
const mostInputs = 7;

/** tfjs 4.22 puts up to 15 inputs into one program, which a device refuses whose limits are the guaranteed ones. */
export function limitAddN(): void {
  replaceKernel(tf.AddN, (stock) => {
    const add: tf.KernelFunc = (params) => {
      const inputs = params.inputs as unknown as tf.TensorInfo[];
      if (inputs.length <= mostInputs) return stock(params);
      const backend = params.backend as { disposeData(id: object): boolean };
      const groups: tf.TensorInfo[][] = [];
      for (let i = 0; i < inputs.length; i += mostInputs) groups.push(inputs.slice(i, i + mostInputs));
      const sums = groups.map((group) => stock({ ...params, inputs: group as never }) as tf.TensorInfo);
      const total = add({ ...params, inputs: sums as never });
      for (const sum of sums) backend.disposeData(sum.dataId);
      return total;
    };
    return add;
  });
}
