import * as tf from '@tensorflow/tfjs-core';
import { asTensor } from './program.js';

/** Results below which a sum of its own for each leaves most of a large graphics card idle. */
const fewResults = 2048;
/** Values of one result below which parts gain nothing. */
const manyValues = 4096;

/** Values of a part: a workgroup has as many threads. */
const leastValues = 256;

let isReplaced = false;

/**
 * tfjs gives each result of a sum or mean to one workgroup. Over all positions of a feature map (batch norm, biases) that
 * is a few dozen groups with hundreds of thousands of values each: here the positions are cut into parts, summed part
 * by part, and the parts are summed.
 */
export function sumInParts(): void {
  if (isReplaced) return;
  isReplaced = true;
  for (const kernelName of [tf.Sum, tf.Mean]) {
    const stock = tf.getKernel(kernelName, 'webgpu')!;
    tf.unregisterKernel(kernelName, 'webgpu');
    tf.registerKernel({
      ...stock,
      kernelFunc: (params) => {
        const { x } = params.inputs as unknown as { x: tf.TensorInfo };
        const attrs = params.attrs as unknown as { axis: number | number[]; keepDims: boolean };
        const axes = tf.util.parseAxisParam(attrs.axis, x.shape);
        const channels = x.shape.at(-1) ?? 1;
        const positions = tf.util.sizeFromShape(x.shape) / channels;
        const isOverPositions = axes.length === x.shape.length - 1 && !axes.includes(x.shape.length - 1);
        const parts =
          isOverPositions && positions >= manyValues
            ? divisorNear(positions, Math.min(fewResults / channels, positions / leastValues))
            : 1;
        if (parts === 1) return stock.kernelFunc(params);
        const shape = attrs.keepDims ? [...axes.map(() => 1), channels] : [channels];
        return tf.tidy(() => {
          const cut = tf.reshape(asTensor(x), [parts, positions / parts, channels]);
          const reduce = (of: tf.Tensor, axis: number) =>
            stockOn(stock.kernelFunc, params, of, { axis: [axis], keepDims: false });
          return tf.reshape(reduce(reduce(cut, 1), 0), shape);
        });
      },
    });
  }
}

function stockOn(
  kernelFunc: tf.KernelFunc,
  params: Parameters<tf.KernelFunc>[0],
  x: tf.Tensor,
  attrs: { axis: number[]; keepDims: boolean },
): tf.Tensor {
  const info = kernelFunc({ ...params, inputs: { x }, attrs }) as tf.TensorInfo;
  return tf.engine().makeTensorFromTensorInfo(info);
}

/** The divisor of `value` that is nearest to `wanted` from below. */
function divisorNear(value: number, wanted: number): number {
  for (let divisor = Math.min(value, Math.floor(wanted)); divisor > 1; divisor--)
    if (value % divisor === 0) return divisor;
  return 1;
}
