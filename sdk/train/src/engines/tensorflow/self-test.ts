import { loadEngine } from '../load-engine.js';
import { conv2dPadded } from '../ops/conv2d-padded.js';

/**
 * Run as a process of its own: `node self-test.js CACHE_DIR`. Trains one weight and prints `{ version }`, or fails.
 * A process of its own, because a library that does not fit the machine ends it with a signal.
 */
const { tf, version } = await loadEngine('tensorflow', { cacheDir: process.argv[2]! });
const x = tf.tensor4d([1, 2, 3, 4], [1, 2, 2, 1]);
const { value, grad } = tf.valueAndGrad((filter) => tf.sum(conv2dPadded(x, filter as typeof x, 1, [1, 0, 0, 0])))(
  tf.ones([2, 2, 1, 1]),
);
// Windows of ones over [[0, 0], [1, 2]] and [[1, 2], [3, 4]].
const found = JSON.stringify([...value.dataSync(), ...grad.dataSync()]);
if (found !== '[13,1,2,4,6]') throw new Error(`a convolution and its gradient gave ${found}, expected [13,1,2,4,6]`);
process.stdout.write(`${JSON.stringify({ version })}\n`);
