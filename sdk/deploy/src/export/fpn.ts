import type { Weights } from './checkpoint.js';
import { conv, convParameters } from './conv.js';
import { absent, type GraphBuilder, type Value } from './graph-builder.js';

/**
 * Feature pyramid: 1x1 laterals, nearest 2x upsampling added top-down, 3x3 outputs; P6 is P5 subsampled by 2.
 * @param c C2..C5
 * @param inputs their channels
 * @returns P2..P6
 * Source: Lin et al., arXiv:1612.03144.
 */
export function buildFpn(
  b: GraphBuilder,
  weights: Weights,
  c: readonly Value[],
  inputs: readonly number[],
  channels: number,
): Value[] {
  const merged: Value[] = [];
  for (let i = c.length - 1; i >= 0; i--) {
    const path = `neck.lateral_convs.${i}`;
    const shape = { inputs: inputs[i]!, outputs: channels, kernel: 1 };
    const lateral = conv(b, path, c[i]!, shape, convParameters(b, weights, path, shape));
    const above = merged[0];
    if (above === undefined) {
      merged.unshift(lateral);
      continue;
    }
    const upsampled = b.op(`neck.upsample.${i}`, 'Resize', [above, absent, b.floats([1, 1, 2, 2])], {
      mode: 'nearest',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    });
    merged.unshift(b.op(`neck.add.${i}`, 'Add', [lateral, upsampled]));
  }
  const outputs = merged.map((x, i) => {
    const path = `neck.fpn_convs.${i}`;
    const shape = { inputs: channels, outputs: channels, kernel: 3 };
    return conv(b, path, x, shape, convParameters(b, weights, path, shape));
  });
  const p6 = b.op('neck.p6', 'MaxPool', [outputs.at(-1)!], { kernel_shape: [1, 1], strides: [2, 2] });
  return [...outputs, p6];
}
