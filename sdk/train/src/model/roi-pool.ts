/** Shapes in this module: R regions of a batch, S = pooled side, C channels. */
import { pyramidStrides, type RoiLevelRule, roiLevel } from '@plumbline/core/geometry';
import * as tf from '@tensorflow/tfjs-core';
import { roiAlign } from '../engines/index.js';

/** Regions of a batch, rows in the order in which results come back. */
export interface Rois {
  /** [R * 4] xyxy px of the network input. */
  readonly boxesXyxy: Float32Array;
  /** [R] image of each region. */
  readonly batchIndex: Int32Array;
}

/** How regions are pooled; a model's `head` configuration fits. */
export interface PoolOptions {
  readonly roiSize: number;
  /** Samples per cell and side; 0 is adaptive. */
  readonly samplingRatio: number;
  readonly aligned: boolean;
  readonly levelRule?: RoiLevelRule;
  /** Factor of the sides of what is pooled, about the centre; the level is that of the region itself. Default 1. */
  readonly scale?: number;
}

/**
 * RoIAlign over the pyramid: each region is pooled from the level that fits its size (P2..P5).
 * @param p [P2, P3, P4, P5, ...] NHWC
 * @returns [R, S * S * C], flattened row, column, channel
 * Source: Mask R-CNN (arXiv:1703.06870) section 3; level rule of FPN eq. 1.
 */
export function poolRois(
  p: readonly tf.Tensor4D[],
  rois: Rois,
  { roiSize, samplingRatio, aligned, levelRule, scale = 1 }: PoolOptions,
): tf.Tensor2D {
  const count = rois.batchIndex.length;
  const channels = p[0]!.shape[3];
  const rowsOfLevel: number[][] = [[], [], [], []];
  const box = rois.boxesXyxy;
  for (let i = 0; i < count; i++) {
    rowsOfLevel[roiLevel(box[4 * i]!, box[4 * i + 1]!, box[4 * i + 2]!, box[4 * i + 3]!, levelRule)]!.push(i);
  }
  const pooled: tf.Tensor4D[] = [];
  const position = new Int32Array(count);
  let at = 0;
  rowsOfLevel.forEach((rows, level) => {
    if (rows.length === 0) return;
    const spatialScale = 1 / pyramidStrides[level]!;
    const ofLevel = new Float32Array(rows.length * 5);
    rows.forEach((row, i) => {
      ofLevel[5 * i] = rois.batchIndex[row]!;
      ofLevel.set(scaleBox(box.subarray(4 * row, 4 * row + 4), scale), 5 * i + 1);
      position[row] = at++;
    });
    const options = { spatialScale, outSize: roiSize, samplingRatio, aligned };
    pooled.push(roiAlign(p[level]!, ofLevel, options));
  });
  const joined = pooled.length === 1 ? pooled[0]! : tf.concat(pooled, 0);
  const flat = tf.reshape(joined, [count, roiSize * roiSize * channels]) as tf.Tensor2D;
  return pooled.length === 1 ? flat : tf.gather(flat, tf.tensor1d(position, 'int32'));
}

/** Source: `roi_rescale` of mmdetection 2.4, for Double-Head. */
function scaleBox(xyxy: Float32Array, scale: number): Float32Array {
  if (scale === 1) return xyxy;
  const [x1, y1, x2, y2] = xyxy as unknown as [number, number, number, number];
  const [centreX, centreY] = [(x1 + x2) / 2, (y1 + y2) / 2];
  const [halfWidth, halfHeight] = [((x2 - x1) * scale) / 2, ((y2 - y1) * scale) / 2];
  return Float32Array.of(centreX - halfWidth, centreY - halfHeight, centreX + halfWidth, centreY + halfHeight);
}
