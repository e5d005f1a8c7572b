/** Shapes in this module: x is [B, H, W, C]; H and W are divided by the block's stride. */
import * as tf from '@tensorflow/tfjs-core';
import { conv, type ForwardContext, relu } from './layers.js';
import { createNorm, type NormParameters, type NormSettings, norm } from './norm.js';
import { type ConvParameters, heNormal, type ParameterStore } from './parameters.js';

/** A convolution without bias and the norm after it. */
export interface ConvNormParameters {
  readonly stride: number;
  readonly conv: ConvParameters;
  readonly norm: NormParameters;
}

/** Convolutions in order, ReLU between them, the shortcut added before the last ReLU. */
export interface ResidualBlockParameters {
  readonly layers: readonly ConvNormParameters[];
  /** Projection of the shortcut where the shape changes. */
  readonly downsample?: ConvNormParameters;
}

export interface ResidualBlockShape {
  readonly block: 'basic' | 'bottleneck';
  readonly inputs: number;
  readonly inner: number;
  readonly outputs: number;
  readonly stride: number;
  readonly groups: number;
}

export interface ConvNormShape {
  readonly kernel: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly stride?: number;
  readonly groups?: number;
}

export function createConvNorm(
  store: ParameterStore,
  convPath: string,
  normPath: string,
  { kernel, inputs, outputs, stride = 1, groups = 1 }: ConvNormShape,
  settings: NormSettings,
): ConvNormParameters {
  return {
    stride,
    conv: store.conv(convPath, kernel, inputs / groups, outputs, heNormal, false),
    norm: createNorm(store, normPath, outputs, settings),
  };
}

/**
 * `basic` is 3x3, 3x3; `bottleneck` 1x1, 3x3 (in groups for ResNeXt), 1x1. The stride is in the first 3x3.
 * Source: He et al. (arXiv:1512.03385) figure 5 and Xie et al. (arXiv:1611.05431) figure 3c, with the stride of a
 * bottleneck where torchvision has it ("ResNet v1.5"), not in the first 1x1 of the paper.
 */
export function createResidualBlock(
  store: ParameterStore,
  path: string,
  shape: ResidualBlockShape,
  settings: NormSettings,
): ResidualBlockParameters {
  const { block, inputs, inner, outputs, stride, groups } = shape;
  const shapes: ConvNormShape[] =
    block === 'basic'
      ? [
          { kernel: 3, inputs, outputs: inner, stride },
          { kernel: 3, inputs: inner, outputs },
        ]
      : [
          { kernel: 1, inputs, outputs: inner },
          { kernel: 3, inputs: inner, outputs: inner, stride, groups },
          { kernel: 1, inputs: inner, outputs },
        ];
  const layers = shapes.map((layer, i) =>
    createConvNorm(store, `${path}.conv${i + 1}`, `${path}.bn${i + 1}`, layer, settings),
  );
  if (stride === 1 && inputs === outputs) return { layers };
  const projection = { kernel: 1, inputs, outputs, stride };
  return {
    layers,
    downsample: createConvNorm(store, `${path}.downsample.0`, `${path}.downsample.1`, projection, settings),
  };
}

export function convNorm(x: tf.Tensor4D, parameters: ConvNormParameters, context: ForwardContext): tf.Tensor4D {
  return norm(conv(x, parameters.conv, parameters.stride), parameters.norm, context);
}

export function residualBlock(
  x: tf.Tensor4D,
  { layers, downsample }: ResidualBlockParameters,
  context: ForwardContext,
): tf.Tensor4D {
  let y = x;
  for (const [i, layer] of layers.entries()) {
    y = convNorm(y, layer, context);
    if (i + 1 < layers.length) y = relu(y);
  }
  const shortcut = downsample ? convNorm(x, downsample, context) : x;
  return relu(tf.add(y, shortcut));
}
