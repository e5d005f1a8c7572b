import * as tf from '@tensorflow/tfjs-core';
import { asTensor } from '../as-tensor.js';

/** Adds the kernels that gradients of a detector need and that tfjs 4.22 lacks on wasm, made of those it has. */
export function registerMissingKernels(): void {
  registerFilterGradient('wasm');
  registerSegmentSum('wasm');
}

/**
 * The filter gradient of a convolution.
 *
 * dW[kh, kw, ci, co] = sum over n, ho, wo of x[n, ho*s + kh - pad, wo*s + kw - pad, ci] * dy[n, ho, wo, co], which is
 * a convolution of x with batch and channels swapped by dy as the filter, dilated by the stride.
 */
function registerFilterGradient(backendName: string): void {
  if (tf.getKernel(tf.Conv2DBackpropFilter, backendName)) return;
  tf.registerKernel({
    kernelName: tf.Conv2DBackpropFilter,
    backendName,
    kernelFunc: ({ inputs, attrs }) => {
      const { x, dy } = inputs as unknown as { x: tf.Tensor4D; dy: tf.Tensor4D };
      const { strides, pad, filterShape, dimRoundingMode } = attrs as unknown as tf.Conv2DBackpropFilterAttrs;
      const info = tf.backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, pad as number, dimRoundingMode);
      const { top, left } = info.padInfo;
      const [kernelHeight, kernelWidth] = filterShape;
      const height = (info.outHeight - 1) * info.strideHeight + kernelHeight;
      const width = (info.outWidth - 1) * info.strideWidth + kernelWidth;
      return tf.tidy(() => {
        // Rows that no window reaches (a stride that leaves a rest) are cut off, so that the result is kh x kw.
        const bottom = Math.max(0, height - top - x.shape[1]);
        const right = Math.max(0, width - left - x.shape[2]);
        const padded = tf.pad4d(asTensor(x), [
          [0, 0],
          [top, bottom],
          [left, right],
          [0, 0],
        ]);
        const used = tf.slice4d(padded, [0, 0, 0, 0], [x.shape[0], height, width, x.shape[3]]);
        const images = tf.transpose(used, [3, 1, 2, 0]) as tf.Tensor4D;
        const filter = tf.transpose(asTensor(dy), [1, 2, 0, 3]) as tf.Tensor4D;
        const dilation: [number, number] = [info.strideHeight, info.strideWidth];
        return tf.transpose(tf.conv2d(images, filter, 1, 'valid', 'NHWC', dilation), [1, 2, 0, 3]);
      });
    },
  });
}

/** The gradient of `gather`: rows with the same id are added up, which is what a scatter of duplicates does. */
function registerSegmentSum(backendName: string): void {
  if (tf.getKernel(tf.UnsortedSegmentSum, backendName)) return;
  tf.registerKernel({
    kernelName: tf.UnsortedSegmentSum,
    backendName,
    kernelFunc: ({ inputs, attrs }) => {
      const { x, segmentIds } = inputs as unknown as { x: tf.Tensor; segmentIds: tf.Tensor1D };
      const { numSegments } = attrs as unknown as tf.UnsortedSegmentSumAttrs;
      return tf.tidy(() => {
        const indices = tf.reshape(asTensor(segmentIds), [x.shape[0]!, 1]);
        return tf.scatterND(indices, asTensor(x), [numSegments, ...x.shape.slice(1)]);
      });
    },
  });
}
