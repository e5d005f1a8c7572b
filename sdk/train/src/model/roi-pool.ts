/** Shapes in this module: R regions of a batch, S = pooled side, C channels. */
import { pyramidStrides, roiLevel } from '@plumbline/core/geometry';
import * as tf from '@tensorflow/tfjs-core';
import { cropAndResizeRoiAlign } from '../engines/index.js';

/** Regions of a batch, rows in the order in which results come back. */
export interface Rois {
  /** [R * 4] xyxy px of the network input. */
  readonly boxesXyxy: Float32Array;
  /** [R] image of each region. */
  readonly batchIndex: Int32Array;
}

/**
 * RoIAlign over the pyramid: each region is pooled from the level that fits its size (P2..P5).
 * @param p [P2, P3, P4, P5, ...] NHWC
 * @returns [R, S * S * C], flattened row, column, channel
 * Source: Mask R-CNN (arXiv:1703.06870) section 3, with half-pixel alignment; level rule of FPN eq. 1.
 */
export function poolRois(p: readonly tf.Tensor4D[], rois: Rois, size: number, samplingRatio: number): tf.Tensor2D {
  const count = rois.batchIndex.length;
  const channels = p[0]!.shape[3];
  const rowsOfLevel: number[][] = [[], [], [], []];
  const box = rois.boxesXyxy;
  for (let i = 0; i < count; i++) {
    rowsOfLevel[roiLevel(box[4 * i]!, box[4 * i + 1]!, box[4 * i + 2]!, box[4 * i + 3]!)]!.push(i);
  }
  const pooled: tf.Tensor4D[] = [];
  const position = new Int32Array(count);
  let at = 0;
  rowsOfLevel.forEach((rows, level) => {
    if (rows.length === 0) return;
    const scale = 1 / pyramidStrides[level]!;
    const onMap = new Float32Array(rows.length * 5);
    rows.forEach((row, i) => {
      onMap[5 * i] = rois.batchIndex[row]!;
      for (let k = 0; k < 4; k++) onMap[5 * i + 1 + k] = box[4 * row + k]! * scale - 0.5;
      position[row] = at++;
    });
    pooled.push(cropAndResizeRoiAlign(p[level]!, tf.tensor2d(onMap, [rows.length, 5]), size, samplingRatio));
  });
  const joined = pooled.length === 1 ? pooled[0]! : tf.concat(pooled, 0);
  const flat = tf.reshape(joined, [count, size * size * channels]) as tf.Tensor2D;
  return pooled.length === 1 ? flat : tf.gather(flat, tf.tensor1d(position, 'int32'));
}
