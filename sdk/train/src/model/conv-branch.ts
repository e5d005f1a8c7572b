/** Shapes in this module: R regions, S = pooled side, C channels of the pyramid. */
import * as tf from '@tensorflow/tfjs-core';
import { type ForwardContext, relu } from './layers.js';
import type { ParameterStore } from './parameters.js';
import {
  type ConvNormParameters,
  convNorm,
  createConvNorm,
  createResidualBlock,
  type ResidualBlockParameters,
  residualBlock,
} from './residual-block.js';

/** Convolutional regression branch; its batch norm works with the statistics of the regions in training. */
export interface ConvBranchParameters {
  readonly roiSize: number;
  /** Channels that it ends with. */
  readonly outputs: number;
  /** 3x3 and 1x1 to four times the channels. */
  readonly layers: readonly [ConvNormParameters, ConvNormParameters];
  readonly shortcut: ConvNormParameters;
  readonly bottlenecks: readonly ResidualBlockParameters[];
}

const bottleneckCount = 4;
const expansion = 4;

/** Source: Double-Head (arXiv:1904.06493) section 4 and figure 5; names of the layers as in mmdetection 2.4. */
export function createConvBranch(
  store: ParameterStore,
  path: string,
  channels: number,
  roiSize: number,
): ConvBranchParameters {
  const outputs = expansion * channels;
  const layer = (name: string, norm: string, kernel: number, to: number) =>
    createConvNorm(
      store,
      `${path}.res.${name}`,
      `${path}.res.${norm}`,
      { kernel, inputs: channels, outputs: to },
      batch,
    );
  const shape = { block: 'bottleneck', inputs: outputs, inner: channels, outputs, stride: 1, groups: 1 } as const;
  return {
    roiSize,
    outputs,
    layers: [layer('conv1', 'bn1', 3, channels), layer('conv2', 'bn2', 1, outputs)],
    shortcut: layer('conv_identity', 'bn_identity', 1, outputs),
    bottlenecks: Array.from({ length: bottleneckCount }, (_, i) =>
      createResidualBlock(store, `${path}.bottlenecks.${i}`, shape, batch),
    ),
  };
}

const batch = { norm: 'batch' } as const;

/** [R, S * S * C] -> [R, 4C]: mean over the cells of each region. */
export function runConvBranch(
  features: tf.Tensor2D,
  { roiSize, layers: [first, second], shortcut, bottlenecks }: ConvBranchParameters,
  context: ForwardContext,
): tf.Tensor2D {
  const x = tf.reshape(features, [features.shape[0], roiSize, roiSize, -1]) as tf.Tensor4D;
  const inner = convNorm(relu(convNorm(x, first, context)), second, context);
  let y = relu(tf.add(inner, convNorm(x, shortcut, context))) as tf.Tensor4D;
  for (const block of bottlenecks) y = residualBlock(y, block, context);
  return tf.mean(y, [1, 2]) as tf.Tensor2D;
}
