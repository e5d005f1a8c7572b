import * as tf from '@tensorflow/tfjs-core';
import { attribute, defineKernel, execute, isTensorflow, runKernel, withInts } from '../tensorflow/kernels.js';

/**
 * Convolution in groups: output channels of group g see the input channels of group g only (ResNeXt).
 *
 * tfjs has none. On tensorflow it is the library's own Conv2D with its two gradients where those take groups: on a CPU
 * for which the library chooses oneDNN (2.21: with AVX-512 VNNI or AMX), which is tried once. Elsewhere, and on wasm,
 * every group is a convolution of its own, joined afterwards. Forward + backward of [1, 50, 80, 512] in 32 groups on 2
 * shared cores of tensorflow: 33 ms, group by group 58 (medians of 12).
 * @param x [N, H, W, G * I]
 * @param filter [kh, kw, I, Co], Co a multiple of G; the G of the shapes is the number of groups
 * @param pad zeros added on every side of the image, in px
 */
export function conv2dGrouped(x: tf.Tensor4D, filter: tf.Tensor4D, stride: number, pad: number): tf.Tensor4D {
  // TensorFlow's SAME is symmetric for an odd kernel and stride 1.
  const isSame = stride === 1 && 2 * pad + 1 === filter.shape[0] && filter.shape[0] === filter.shape[1];
  const sides: [number, number] = [pad, pad];
  const input = isSame || pad === 0 ? x : tf.pad4d(x, [[0, 0], sides, sides, [0, 0]]);
  const padding = isSame ? 'same' : 'valid';
  if (!isTensorflow() || !hasGroupedGradients()) return perGroup(input, filter, stride, padding);
  define();
  return runKernel('PlumblineConv2dGrouped', { x: input, filter }, { stride, padding })[0] as tf.Tensor4D;
}

let groupedGradients: boolean | undefined;

/** Whether this machine's tensorflow differentiates convolutions in groups; otherwise the attempt throws. */
function hasGroupedGradients(): boolean {
  groupedGradients ??= tf.tidy(() => {
    const attempt = { stride: 1, padding: 'valid' };
    const [x, dy] = [tf.ones([1, 1, 1, 2]), tf.ones([1, 1, 1, 2])];
    try {
      withInts([1, 1, 1, 2], (shape) => execute('Conv2DBackpropFilter', attributesOf(attempt), [x, shape, dy]));
      return true;
    } catch {
      return false;
    }
  });
  return groupedGradients;
}

function perGroup(x: tf.Tensor4D, filter: tf.Tensor4D, stride: number, padding: 'same' | 'valid'): tf.Tensor4D {
  const groups = x.shape[3] / filter.shape[2];
  const filters = tf.split(filter, groups, 3);
  const outputs = tf
    .split(x, groups, 3)
    .map((part, g) => tf.conv2d(part as tf.Tensor4D, filters[g] as tf.Tensor4D, stride, padding));
  return tf.concat(outputs, 3);
}

const attributesOf = ({ stride, padding }: Record<string, unknown>) => [
  attribute.floatType('T'),
  attribute.ints('strides', [1, stride as number, stride as number, 1]),
  attribute.string('padding', (padding as string).toUpperCase()),
  attribute.string('data_format', 'NHWC'),
  attribute.bool('use_cudnn_on_gpu', true),
  attribute.ints('dilations', [1, 1, 1, 1]),
  attribute.ints('explicit_paddings', []),
];

function define(): void {
  defineKernel({
    name: 'PlumblineConv2dGrouped',
    forward: ({ x, filter }, options) => execute('Conv2D', attributesOf(options), [x!, filter!]),
    saveInputs: ['x', 'filter'],
    gradient: ([dy], [x, filter], options) => ({
      x: () =>
        withInts(x!.shape, (shape) => execute('Conv2DBackpropInput', attributesOf(options), [shape, filter!, dy!])),
      filter: () =>
        withInts(filter!.shape, (shape) => execute('Conv2DBackpropFilter', attributesOf(options), [x!, shape, dy!])),
    }),
  });
}
