import {
  type RoiAlignOptions,
  roiAlignGradient,
  roiAlign as roiAlignOfArrays,
  roiOnMap,
} from '@plumbline/core/geometry';
import * as tf from '@tensorflow/tfjs-core';
import { attribute, defineKernel, execute, isTensorflow, runKernel, withInts } from '../tensorflow/kernels.js';
import { roiAlignOnDevice } from '../webgpu/roi-align.js';
import { wholeBlocks } from './whole-blocks.js';

/** Shapes in this module: N images, R rois, C channels, P output size, S samples per bin and axis, n = P * S. */

/**
 * RoIAlign, aligned or not, with a fixed (S = samplingRatio) or an adaptive (0) number of samples per bin.
 *
 * On tensorflow it is a CropAndResize of n x n samples followed by an average over S x S. CropAndResize samples only
 * inside the image, RoIAlign up to one pixel outside with the border repeated; padding by one repeated pixel makes
 * them equal. A sample further out counts as 0. tfjs itself has no gradient for a crop. 2048 rois of
 * [8, 104, 104, 64] take 19 ms forward and 51 with the gradient (2 cores; CropAndResizeGradImage on one of them, see
 * `startTensorflow`). Adaptive sampling does the same once for each pair (vertical, horizontal) of sample counts that
 * occurs: about twice the time for rois of 4 to 28 cells. CropAndResize computes positions in float32, at cell 80 up to
 * 1e-5 of a cell off; windows of the map and edges chosen among the neighbouring float32 numbers were tried and leave as
 * much at cell 40. On webgpu it is a program of its own; wasm computes in plain loops over typed arrays, as `roiAlign` of
 * core does.
 * @param features [N, H, W, C]
 * @param rois [R * 5] image index, x1, y1, x2, y2 in px of the image; they may lie outside, be empty or inverted. They
 *   carry no gradient.
 * @returns [R, P, P, C]
 */
export function roiAlign(features: tf.Tensor4D, rois: Float32Array, options: RoiAlignOptions): tf.Tensor4D {
  const [batch, height, width, channels] = features.shape;
  const shape = { batch, height, width, channels };
  if (isTensorflow()) {
    define();
    const attributes: KernelAttributes = { ...shape, ...options, rois };
    return runKernel('PlumblineRoiAlign', { features }, attributes as unknown as tf.NamedAttrMap)[0] as tf.Tensor4D;
  }
  if (tf.getBackend() === 'webgpu') return roiAlignOnDevice(features, rois, options);
  const { outSize } = options;
  const align = tf.customGrad((input) => ({
    value: tf.tensor4d(roiAlignOfArrays((input as tf.Tensor).dataSync() as Float32Array, shape, rois, options), [
      rois.length / 5,
      outSize,
      outSize,
      channels,
    ]),
    gradFunc: (dy) =>
      tf.tensor4d(roiAlignGradient(dy.dataSync() as Float32Array, shape, rois, options), features.shape),
  }));
  return align(features) as tf.Tensor4D;
}

interface KernelAttributes extends RoiAlignOptions {
  batch: number;
  height: number;
  width: number;
  channels: number;
  /** [R * 5] */
  rois: Float32Array;
}

function define(): void {
  const cropAttributes = () => [attribute.floatType('T'), attribute.string('method', 'bilinear')];
  const poolAttributes = ({ samplesY, samplesX }: RoiGroup) => [
    attribute.floatType('T'),
    attribute.ints('ksize', [1, samplesY, samplesX, 1]),
    attribute.ints('strides', [1, samplesY, samplesX, 1]),
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
    forward: ({ features }, given) => {
      const attributes = given as unknown as KernelAttributes;
      const { outSize, channels, rois } = attributes;
      const count = rois.length / 5;
      return tf.tidy(() => {
        // MirrorPad would do the same, three times slower.
        const padded = repeatBorder(features as tf.Tensor4D);
        const crop = [...cropAttributes(), attribute.float('extrapolation_value', 0)];
        const parts = groupRois(rois, attributes).map((group) => {
          const { samplesX, samplesY, rows } = group;
          if (samplesX * samplesY === 0) return { rows, pooled: tf.zeros([rows.length, outSize, outSize, channels]) };
          const { boxes, batchIndices, size } = cropOf(group, attributes);
          const samples = execute('CropAndResize', crop, [padded, boxes, batchIndices, size]);
          const pooled = samplesX * samplesY === 1 ? samples : execute('AvgPool', poolAttributes(group), [samples]);
          return { rows, pooled: tf.slice(pooled, 0, rows.length) };
        });
        if (parts.length === 1) return parts[0]!.pooled;
        const order = new Int32Array(count);
        let at = 0;
        for (const { rows } of parts) for (const row of rows) order[row] = at++;
        const joined = tf.concat(
          parts.map((part) => part.pooled),
          0,
        );
        return tf.gather(joined, tf.tensor1d(order, 'int32'));
      });
    },
    gradient: ([dy], _, given) => ({
      features: () => {
        const attributes = given as unknown as KernelAttributes;
        const { batch, height, width, channels, outSize, rois } = attributes;
        const groups = groupRois(rois, attributes);
        const dPadded = groups
          .filter(({ samplesX, samplesY }) => samplesX * samplesY > 0)
          .map((group) => {
            const { samplesX, samplesY, rows } = group;
            const { boxes, batchIndices } = cropOf(group, attributes);
            const ofRows = groups.length === 1 ? dy! : tf.gather(dy!, tf.tensor1d(rows, 'int32'));
            const filled = wholeBlocks(rows.length);
            const dBins = tf.pad(ofRows, [
              [0, filled - rows.length],
              [0, 0],
              [0, 0],
              [0, 0],
            ]);
            const dSamples =
              samplesX * samplesY === 1
                ? dBins
                : withInts([filled, outSize * samplesY, outSize * samplesX, channels], (shape) =>
                    execute('AvgPoolGrad', poolAttributes(group), [shape, dBins]),
                  );
            return withInts([batch, height + 2, width + 2, channels], (shape) =>
              execute('CropAndResizeGradImage', cropAttributes(), [dSamples, boxes, batchIndices, shape]),
            );
          });
        if (dPadded.length === 0) return tf.zeros([batch, height, width, channels]);
        const sum = dPadded.length === 1 ? dPadded[0]! : tf.addN(dPadded);
        return execute('MirrorPadGrad', mirror(), [sum, onePixel()]);
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

/** Rois with equally many samples per bin. */
interface RoiGroup {
  readonly samplesY: number;
  readonly samplesX: number;
  readonly rows: Int32Array;
  /** [rows * 5] as the tensor has them. */
  readonly rois: Float32Array;
}

/** One group for fixed sampling; for adaptive sampling one per pair of counts, in the order of first occurrence. */
function groupRois(values: Float32Array, options: RoiAlignOptions): RoiGroup[] {
  const count = values.length / 5;
  const { samplingRatio } = options;
  if (samplingRatio > 0) {
    const rows = Int32Array.from({ length: count }, (_, r) => r);
    return [{ samplesY: samplingRatio, samplesX: samplingRatio, rows, rois: values }];
  }
  const found = new Map<string, { samplesY: number; samplesX: number; rows: number[] }>();
  for (let r = 0; r < count; r++) {
    const { samplesX, samplesY } = roiOnMap(values, r, options);
    const key = `${samplesY} ${samplesX}`;
    const group = found.get(key) ?? { samplesY, samplesX, rows: [] };
    found.set(key, group);
    group.rows.push(r);
  }
  return [...found.values()].map(({ samplesY, samplesX, rows }) => ({
    samplesY,
    samplesX,
    rows: Int32Array.from(rows),
    rois: Float32Array.from(rows.flatMap((row) => [...values.subarray(5 * row, 5 * row + 5)])),
  }));
}

/**
 * First and last sample of each roi in the units of CropAndResize, where 0 and 1 are the first and last pixel centre
 * of the padded map. The samples of a bin of size b lie at b * (i + 0.5) / S. Computed in double precision: in float32
 * operations the error of the golden gradient doubles, past 1e-5.
 * @returns boxes [R', 4] y1, x1, y2, x2; batchIndices int32 [R']; size int32 [2], the samples of each axis; R' is R filled
 * up with empty boxes in the corner of image 0
 */
function cropOf({ samplesY, samplesX, rows, rois }: RoiGroup, attributes: KernelAttributes) {
  const { height, width, outSize } = attributes;
  const size = [outSize * samplesY, outSize * samplesX] as const;
  const filled = wholeBlocks(rows.length);
  const boxes = new Float32Array(filled * 4);
  const batchIndices = new Int32Array(filled);
  for (let i = 0; i < rows.length; i++) {
    const roi = roiOnMap(rois, i, attributes);
    const stepY = roi.height / size[0];
    const stepX = roi.width / size[1];
    boxes[4 * i] = (roi.y + 1 + 0.5 * stepY) / (height + 1);
    boxes[4 * i + 1] = (roi.x + 1 + 0.5 * stepX) / (width + 1);
    boxes[4 * i + 2] = (roi.y + roi.height + 1 - 0.5 * stepY) / (height + 1);
    boxes[4 * i + 3] = (roi.x + roi.width + 1 - 0.5 * stepX) / (width + 1);
    batchIndices[i] = roi.image;
  }
  return {
    boxes: tf.tensor2d(boxes, [filled, 4]),
    batchIndices: tf.tensor1d(batchIndices, 'int32'),
    size: tf.tensor1d(Int32Array.from(size), 'int32'),
  };
}
