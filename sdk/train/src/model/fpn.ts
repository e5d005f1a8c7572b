import * as tf from '@tensorflow/tfjs-core';
import { conv } from './layers.js';
import { type ConvParameters, type ParameterStore, xavierUniform } from './parameters.js';

export interface FpnParameters {
  readonly lateral: readonly ConvParameters[];
  readonly output: readonly ConvParameters[];
}

/** Feature pyramid. Source: Lin et al. (arXiv:1612.03144) section 3; no norm, no activation. */
export function createFpn(store: ParameterStore, inputs: readonly number[], channels: number): FpnParameters {
  const lateral = inputs.map((count, i) => store.conv(`neck.lateral_convs.${i}`, 1, count, channels, xavierUniform));
  const output = inputs.map((_, i) => store.conv(`neck.fpn_convs.${i}`, 3, channels, channels, xavierUniform));
  return { lateral, output };
}

/**
 * @param c [C2..C5] NHWC, each level half the size of the one before
 * @returns [P2..P6]; P6 takes every second cell of P5
 */
export function fpn(c: readonly tf.Tensor4D[], parameters: FpnParameters): tf.Tensor4D[] {
  const merged = c.map((x, i) => conv(x, parameters.lateral[i]!));
  for (let i = merged.length - 2; i >= 0; i--) {
    const [, h, w] = merged[i]!.shape;
    merged[i] = tf.add(merged[i]!, tf.image.resizeNearestNeighbor(merged[i + 1]!, [h, w]));
  }
  const p = merged.map((x, i) => conv(x, parameters.output[i]!));
  // The mean of one cell is the cell. Not maxPool: its gradient on wasm drops what is not positive, see maxPool3x3s2.
  return [...p, tf.avgPool(p.at(-1)!, 1, 2, 'same')];
}
