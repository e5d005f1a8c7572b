import * as tf from '@tensorflow/tfjs-core';
import { asTensor } from '../as-tensor.js';
import { partsOf, replaceKernel } from './replace-kernel.js';

/** Workgroups that keep a large graphics card busy. */
const enoughGroups = 1024;
/** Side of the part of a product that one workgroup of tfjs' matrix multiplication makes. */
const tileSide = 32;

/**
 * Replaces tfjs' filter gradient, whose program has one thread for each weight and walks over all images in it: on a
 * card with thousands of threads that took nine tenths of a training step.
 *
 * For each tap of the filter dW[tap] = X[tap]^T dY over all positions of all images. The positions are cut into as many
 * parts as it takes to keep the card busy, each part is a product of its own, and the products are added.
 */
export function replaceFilterGradient(): void {
  replaceKernel(tf.Conv2DBackpropFilter, () => ({ inputs, attrs }) => {
    const { x, dy } = inputs as unknown as { x: tf.Tensor4D; dy: tf.Tensor4D };
    const { strides, pad, filterShape, dimRoundingMode } = attrs as unknown as tf.Conv2DBackpropFilterAttrs;
    const info = tf.backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, pad as number, dimRoundingMode);
    return tf.tidy(() => filterGradient(asTensor(x), asTensor(dy), info));
  });
}

/**
 * @param x  [B, H, W, I]
 * @param dy [B, h, w, O]
 * @returns [kh, kw, I, O]
 */
function filterGradient(x: tf.Tensor4D, dy: tf.Tensor4D, info: tf.backend_util.Conv2DInfo): tf.Tensor {
  const { batchSize, outHeight, outWidth, filterHeight, filterWidth, inChannels, outChannels } = info;
  const { strideHeight, strideWidth, padInfo } = info;
  const positions = batchSize * outHeight * outWidth;
  const tiles = Math.ceil(inChannels / tileSide) * Math.ceil(outChannels / tileSide);
  const parts = partsOf(positions, enoughGroups / tiles);
  const right = tf.reshape(dy, [parts, positions / parts, outChannels]);
  const height = (outHeight - 1) * strideHeight + filterHeight;
  const width = (outWidth - 1) * strideWidth + filterWidth;
  const isPlain = padInfo.top + padInfo.left === 0 && height <= x.shape[1] && width <= x.shape[2];
  const padded = isPlain ? x : padTo(x, padInfo.top, padInfo.left, height, width);
  const taps: tf.Tensor[] = [];
  for (let row = 0; row < filterHeight; row++) {
    for (let column = 0; column < filterWidth; column++) {
      const seen = tf.stridedSlice(
        padded,
        [0, row, column, 0],
        [batchSize, row + (outHeight - 1) * strideHeight + 1, column + (outWidth - 1) * strideWidth + 1, inChannels],
        [1, strideHeight, strideWidth, 1],
      );
      const left = tf.reshape(seen, [parts, positions / parts, inChannels]);
      const products = tf.matMul(left, right, true, false);
      taps.push(parts === 1 ? tf.reshape(products, [inChannels, outChannels]) : tf.sum(products, 0));
    }
  }
  return tf.reshape(taps.length === 1 ? taps[0]! : tf.stack(taps), info.filterShape);
}

/** Zeros around the image, rows and columns that no window reaches left out. */
function padTo(x: tf.Tensor4D, top: number, left: number, height: number, width: number): tf.Tensor4D {
  const bottom = Math.max(0, height - top - x.shape[1]);
  const right = Math.max(0, width - left - x.shape[2]);
  return tf.pad4d(x, [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ]);
}
