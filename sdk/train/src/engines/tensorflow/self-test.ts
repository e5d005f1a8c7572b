import * as tf from '@tensorflow/tfjs-core';
import { conv2dPadded } from '../ops/conv2d-padded.js';
import { registerFastGradients } from '../ops/fast-gradients.js';
import { roiAlign } from '../ops/roi-align.js';
import { startTensorflow } from './start.js';

/**
 * Run as a process of its own: `node self-test.js CACHE_DIR`. Computes two gradients and prints `{ version, device, remark }`,
 * or fails. A process of its own, because a library that does not fit the machine ends it with a signal.
 */
const { version, device, remark } = await startTensorflow(process.argv[2]!);
registerFastGradients();
const x = tf.tensor4d([1, 2, 3, 4], [1, 2, 2, 1]);
const { value, grad } = tf.valueAndGrad((filter) => tf.sum(conv2dPadded(x, filter as typeof x, 1, [1, 0, 0, 0])))(
  tf.ones([2, 2, 1, 1]),
);
// Windows of ones over [[0, 0], [1, 2]] and [[1, 2], [3, 4]].
const found = JSON.stringify([...value.dataSync(), ...grad.dataSync()]);
if (found !== '[13,1,2,4,6]') throw new Error(`a convolution and its gradient gave ${found}, expected [13,1,2,4,6]`);

// One sample in the middle of four cells takes a quarter of each. On a device this operation is refused, not slow,
// where TensorFlow is told to be deterministic.
const rois = new Float32Array([0, 0, 0, 2, 2]);
const align = { outSize: 1, spatialScale: 1, samplingRatio: 1, aligned: true };
const roiGradient = tf.grad((map) => tf.sum(roiAlign(map as typeof x, rois, align)))(x);
const shares = [...roiGradient.dataSync()];
if (shares.some((share) => Math.abs(share - 0.25) > 1e-6)) {
  throw new Error(`the gradient of RoIAlign gave ${JSON.stringify(shares)}, expected four times 0.25`);
}
process.stdout.write(`${JSON.stringify({ version, device, remark })}\n`);
