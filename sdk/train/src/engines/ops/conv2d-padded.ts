import * as tf from '@tensorflow/tfjs-core';
import { attribute, defineKernel, execute, isTensorflow, runKernel, withInts } from '../tensorflow/kernels.js';

/** Zeros added around the image, in px: [top, bottom, left, right]. */
export type Padding = readonly [top: number, bottom: number, left: number, right: number];

/**
 * Convolution with explicit padding.
 * @param x [N, H, W, Ci]
 * @param filter [kh, kw, Ci, Co]
 * @returns [N, (H + top + bottom - kh) / stride + 1, (W + left + right - kw) / stride + 1, Co], rounded down
 */
export function conv2dPadded(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  stride = 1,
  padding: Padding = [0, 0, 0, 0],
): tf.Tensor4D {
  const [top, bottom, left, right] = padding;
  if (!isTensorflow()) {
    const padded =
      top + bottom + left + right > 0
        ? tf.pad4d(x, [
            [0, 0],
            [top, bottom],
            [left, right],
            [0, 0],
          ])
        : x;
    return tf.conv2d(padded, filter, stride, 'valid');
  }
  define();
  return runKernel('PlumblineConv2d', { x, filter }, { stride, padding: [...padding] })[0] as tf.Tensor4D;
}

function define(): void {
  const attributes = (stride: number, padding: number[]) => [
    attribute.floatType('T'),
    attribute.ints('strides', [1, stride, stride, 1]),
    attribute.string('padding', 'EXPLICIT'),
    attribute.ints('explicit_paddings', [0, 0, ...padding, 0, 0]),
    attribute.string('data_format', 'NHWC'),
    attribute.bool('use_cudnn_on_gpu', true),
    attribute.ints('dilations', [1, 1, 1, 1]),
  ];
  defineKernel({
    name: 'PlumblineConv2d',
    forward: ({ x, filter }, { stride, padding }) =>
      execute('Conv2D', attributes(stride as number, padding as number[]), [x!, filter!]),
    saveInputs: ['x', 'filter'],
    gradient: ([dy], [x, filter], { stride, padding }) => {
      const shared = attributes(stride as number, padding as number[]);
      return {
        x: () => withInts(x!.shape, (shape) => execute('Conv2DBackpropInput', shared, [shape, filter!, dy!])),
        filter: () => withInts(filter!.shape, (shape) => execute('Conv2DBackpropFilter', shared, [x!, shape, dy!])),
      };
    },
  });
}
