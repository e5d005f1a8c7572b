/** Shapes in this module: R regions, S = pooled side, C channels of the pyramid. */
import { residualBlock } from './backbone.js';
import type { Weights } from './checkpoint.js';
import type { ConvShape } from './conv.js';
import { buildConvNorm } from './conv-norm.js';
import type { GraphBuilder, Value } from './graph-builder.js';

const bottleneckCount = 4;
const batch = { norm: 'batch' } as const;

/** Channels that the branch ends with. */
export function convBranchOutputs(channels: number): number {
  return 4 * channels;
}

/**
 * Convolutional regression branch, batch norm folded: [R, C * S * S] channel-major -> [R, 4C], mean over the cells.
 * Source: Double-Head (arXiv:1904.06493) section 4 and figure 5; names of the layers as in mmdetection 2.4.
 */
export function buildConvBranch(
  b: GraphBuilder,
  weights: Weights,
  path: string,
  rows: Value,
  channels: number,
  roiSize: number,
): Value {
  const outputs = convBranchOutputs(channels);
  const x = b.reshape(`${path}.maps`, rows, [-1, channels, roiSize, roiSize]);
  const convNorm = (input: Value, conv: string, norm: string, shape: ConvShape) =>
    buildConvNorm(b, weights, batch, input, `${path}.res.${conv}`, `${path}.res.${norm}`, shape);
  const first = convNorm(x, 'conv1', 'bn1', { inputs: channels, outputs: channels, kernel: 3 });
  const second = convNorm(b.op(`${path}.res.relu1`, 'Relu', [first]), 'conv2', 'bn2', {
    inputs: channels,
    outputs,
    kernel: 1,
  });
  const shortcut = convNorm(x, 'conv_identity', 'bn_identity', { inputs: channels, outputs, kernel: 1 });
  let y = b.op(`${path}.res.relu2`, 'Relu', [b.op(`${path}.res.add`, 'Add', [second, shortcut])]);
  const shape = { inputs: outputs, inner: channels, outputs, stride: 1 };
  for (let i = 0; i < bottleneckCount; i++) {
    y = residualBlock(b, weights, { ...batch, block: 'bottleneck', groups: 1 }, `${path}.bottlenecks.${i}`, y, shape);
  }
  return b.reshape(`${path}.mean`, b.op(`${path}.pool`, 'GlobalAveragePool', [y]), [-1, outputs]);
}
