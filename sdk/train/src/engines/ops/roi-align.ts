import * as tf from '@tensorflow/tfjs-core';
import { attribute, defineKernel, execute, isTensorflow, runKernel, withInts } from '../tensorflow/kernels.js';
import { alignRois, spreadRoiGradient } from './roi-align-loop.js';

/** Shapes in this module: N images, R rois, C channels, P output size, S samples per bin and axis, n = P * S. */

/**
 * RoIAlign with a fixed number of samples per bin (`aligned = true` of torchvision and Detectron2).
 *
 * On tensorflow it is a CropAndResize of n x n samples followed by an average over S x S. CropAndResize samples only
 * inside the image, RoIAlign up to one pixel outside with the border repeated; padding by one repeated pixel makes
 * them equal. A sample further out counts as 0. tfjs itself has no gradient for a crop. 2048 rois of
 * [8, 104, 104, 64] take 19 ms forward and 51 with the gradient (2 cores; CropAndResizeGradImage on one of them, see
 * `startTensorflow`).
 * @param features [N, H, W, C]
 * @param rois [R, 5] batch index, x1, y1, x2, y2 in px of the feature map, already scaled and shifted by -0.5; they
 *   may lie outside, be empty or inverted. They carry no gradient.
 * @returns [R, P, P, C]
 */
export function cropAndResizeRoiAlign(
  features: tf.Tensor4D,
  rois: tf.Tensor2D,
  outSize = 7,
  samplingRatio = 2,
): tf.Tensor4D {
  const [batch, height, width, channels] = features.shape;
  if (isTensorflow()) {
    define();
    const attributes = { batch, height, width, channels, outSize, samplingRatio };
    return runKernel('PlumblineRoiAlign', { features, rois }, attributes)[0] as tf.Tensor4D;
  }
  const grid = { batch, height, width, channels, outSize, samplingRatio };
  const roiValues = rois.dataSync() as Float32Array;
  const align = tf.customGrad((input) => ({
    value: tf.tensor4d(alignRois((input as tf.Tensor).dataSync() as Float32Array, roiValues, grid), [
      rois.shape[0],
      outSize,
      outSize,
      channels,
    ]),
    gradFunc: (dy) =>
      tf.tensor4d(spreadRoiGradient(dy.dataSync() as Float32Array, roiValues, grid), [batch, height, width, channels]),
  }));
  return align(features) as tf.Tensor4D;
}

interface RoiAlignAttributes {
  batch: number;
  height: number;
  width: number;
  channels: number;
  outSize: number;
  samplingRatio: number;
}

function define(): void {
  const cropAttributes = () => [attribute.floatType('T'), attribute.string('method', 'bilinear')];
  const poolAttributes = (ratio: number) => [
    attribute.floatType('T'),
    attribute.ints('ksize', [1, ratio, ratio, 1]),
    attribute.ints('strides', [1, ratio, ratio, 1]),
    attribute.string('padding', 'VALID'),
    attribute.string('data_format', 'NHWC'),
  ];
  const mirror = () => [
    attribute.floatType('T'),
    attribute.int32Type('Tpaddings'),
    attribute.string('mode', 'SYMMETRIC'),
  ];
  const onePixel = () => tf.tensor2d([0, 0, 1, 1, 1, 1, 0, 0], [4, 2], 'int32');

  defineKernel({
    name: 'PlumblineRoiAlign',
    forward: ({ features, rois }, attributes) => {
      const { outSize, samplingRatio, height, width } = attributes as unknown as RoiAlignAttributes;
      const n = outSize * samplingRatio;
      return tf.tidy(() => {
        // MirrorPad would do the same, three times slower.
        const padded = repeatBorder(features as tf.Tensor4D);
        const { boxes, batchIndices } = sampleBoxes(rois as tf.Tensor2D, height, width, n);
        const crop = [...cropAttributes(), attribute.float('extrapolation_value', 0)];
        const samples = execute('CropAndResize', crop, [padded, boxes, batchIndices, tf.tensor1d([n, n], 'int32')]);
        return samplingRatio === 1 ? samples : execute('AvgPool', poolAttributes(samplingRatio), [samples]);
      });
    },
    saveInputs: ['rois'],
    gradient: ([dy], [rois], attributes) => ({
      features: () => {
        const { outSize, samplingRatio, batch, height, width, channels } = attributes as unknown as RoiAlignAttributes;
        const n = outSize * samplingRatio;
        const dSamples =
          samplingRatio === 1
            ? dy!
            : withInts([rois!.shape[0]!, n, n, channels], (shape) =>
                execute('AvgPoolGrad', poolAttributes(samplingRatio), [shape, dy!]),
              );
        const { boxes, batchIndices } = sampleBoxes(rois as tf.Tensor2D, height, width, n);
        const dPadded = withInts([batch, height + 2, width + 2, channels], (shape) =>
          execute('CropAndResizeGradImage', cropAttributes(), [dSamples, boxes, batchIndices, shape]),
        );
        return execute('MirrorPadGrad', mirror(), [dPadded, onePixel()]);
      },
    }),
  });
}

/** [N, H, W, C] -> [N, H + 2, W + 2, C], the outermost rows and columns doubled. */
function repeatBorder(features: tf.Tensor4D): tf.Tensor4D {
  const clamped = (size: number) => {
    const indices = Int32Array.from({ length: size + 2 }, (_, i) => Math.min(Math.max(i - 1, 0), size - 1));
    return tf.tensor1d(indices, 'int32');
  };
  const [, height, width] = features.shape;
  return tf.gather(tf.gather(features, clamped(height), 1), clamped(width), 2);
}

/**
 * First and last sample of each roi in the units of CropAndResize, where 0 and 1 are the first and last pixel centre
 * of the padded map. The samples of a bin of size b lie at b * (i + 0.5) / S. Computed in double precision: in float32
 * operations the error of the golden gradient doubles, past 1e-5.
 * @returns boxes [R, 4] y1, x1, y2, x2; batchIndices int32 [R]
 */
function sampleBoxes(rois: tf.Tensor2D, height: number, width: number, n: number) {
  const values = rois.dataSync();
  const count = rois.shape[0];
  const boxes = new Float32Array(count * 4);
  const batchIndices = new Int32Array(count);
  for (let r = 0; r < count; r++) {
    const [image, x1, y1, x2, y2] = values.subarray(5 * r, 5 * r + 5) as unknown as number[];
    const [stepX, stepY] = [(x2! - x1!) / n, (y2! - y1!) / n];
    boxes[4 * r] = (y1! + 1 + 0.5 * stepY) / (height + 1);
    boxes[4 * r + 1] = (x1! + 1 + 0.5 * stepX) / (width + 1);
    boxes[4 * r + 2] = (y2! + 1 - 0.5 * stepY) / (height + 1);
    boxes[4 * r + 3] = (x2! + 1 - 0.5 * stepX) / (width + 1);
    batchIndices[r] = image!;
  }
  return { boxes: tf.tensor2d(boxes, [count, 4]), batchIndices: tf.tensor1d(batchIndices, 'int32') };
}
