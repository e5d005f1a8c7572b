import * as tf from '@tensorflow/tfjs-core';
import { asTensor } from '../as-tensor.js';
import { partsOf, replaceKernel } from './replace-kernel.js';

/** Results below which a sum of its own for each leaves most of a large graphics card idle. */
const fewResults = 2048;
/** Values of one result below which parts gain nothing. */
const manyValues = 4096;

/**
 * tfjs gives each result of a sum or mean to one workgroup. Over all positions of a feature map (batch norm, biases) that
 * is a few dozen groups with hundreds of thousands of values each: here the positions are cut into parts, summed part
 * by part, and the parts are summed.
 */
export function sumInParts(): void {
  for (const kernelName of [tf.Sum, tf.Mean]) {
    replaceKernel(kernelName, (stock) => (params) => {
      const { x } = params.inputs as unknown as { x: tf.TensorInfo };
      const attrs = params.attrs as unknown as { axis: number | number[]; keepDims: boolean };
      const axes = tf.util.parseAxisParam(attrs.axis, x.shape);
      const channels = x.shape.at(-1) ?? 1;
      const positions = tf.util.sizeFromShape(x.shape) / channels;
      const isOverPositions = axes.length === x.shape.length - 1 && !axes.includes(x.shape.length - 1);
      const parts = isOverPositions && positions >= manyValues ? partsOf(positions, fewResults / channels) : 1;
      if (parts === 1) return stock(params);
      const shape = attrs.keepDims ? [...axes.map(() => 1), channels] : [channels];
      const reduce = (of: tf.Tensor, axis: number): tf.Tensor =>
        asTensor(stock({ ...params, inputs: { x: of }, attrs: { axis: [axis], keepDims: false } }) as tf.TensorInfo);
      return tf.tidy(() => {
        const cut = tf.reshape(asTensor(x), [parts, positions / parts, channels]);
        return tf.reshape(reduce(reduce(cut, 1), 0), shape);
      });
    });
  }
}
