/** Shapes in this module: B images; C2..C5 at strides 4, 8, 16, 32 with width, 2, 4, 8 x width channels, NHWC. */
import * as tf from '@tensorflow/tfjs-core';
import { maxPool3x3s2 } from '../engines/index.js';
import { batchNorm, conv, type ForwardContext, relu } from './layers.js';
import { type BatchNormParameters, type ConvParameters, heNormal, type ParameterStore } from './parameters.js';

interface BasicBlockParameters {
  readonly stride: number;
  readonly conv1: ConvParameters;
  readonly bn1: BatchNormParameters;
  readonly conv2: ConvParameters;
  readonly bn2: BatchNormParameters;
  readonly downsample?: { readonly conv: ConvParameters; readonly bn: BatchNormParameters };
}

export interface BackboneParameters {
  readonly stem: { readonly conv: ConvParameters; readonly bn: BatchNormParameters };
  readonly stages: readonly (readonly BasicBlockParameters[])[];
}

/** ResNet of basic blocks in torchvision's layout and names. Source: He et al. (arXiv:1512.03385), table 1. */
export function createBackbone(store: ParameterStore, blocks: readonly number[], width: number): BackboneParameters {
  const stem = {
    conv: store.conv('backbone.conv1', 7, 3, width, heNormal, false),
    bn: store.batchNorm('backbone.bn1', width),
  };
  let inputs = width;
  const stages = blocks.map((count, stage) => {
    const outputs = width * 2 ** stage;
    return Array.from({ length: count }, (_, index): BasicBlockParameters => {
      const path = `backbone.layer${stage + 1}.${index}`;
      const stride = stage > 0 && index === 0 ? 2 : 1;
      const block = {
        stride,
        conv1: store.conv(`${path}.conv1`, 3, inputs, outputs, heNormal, false),
        bn1: store.batchNorm(`${path}.bn1`, outputs),
        conv2: store.conv(`${path}.conv2`, 3, outputs, outputs, heNormal, false),
        bn2: store.batchNorm(`${path}.bn2`, outputs),
        ...(stride !== 1 || inputs !== outputs
          ? {
              downsample: {
                conv: store.conv(`${path}.downsample.0`, 1, inputs, outputs, heNormal, false),
                bn: store.batchNorm(`${path}.downsample.1`, outputs),
              },
            }
          : {}),
      };
      inputs = outputs;
      return block;
    });
  });
  return { stem, stages };
}

/**
 * @param images [B, H, W, 3] normalised, H and W multiples of 32
 * @returns [C2, C3, C4, C5]
 */
export function backbone(images: tf.Tensor4D, parameters: BackboneParameters, context: ForwardContext): tf.Tensor4D[] {
  const stem = relu(batchNorm(conv(images, parameters.stem.conv, 2), parameters.stem.bn, context));
  let x = maxPool3x3s2(stem);
  return parameters.stages.map((stage) => {
    for (const block of stage) x = basicBlock(x, block, context);
    return x;
  });
}

function basicBlock(x: tf.Tensor4D, p: BasicBlockParameters, context: ForwardContext): tf.Tensor4D {
  const inner = relu(batchNorm(conv(x, p.conv1, p.stride), p.bn1, context));
  const residual = batchNorm(conv(inner, p.conv2), p.bn2, context);
  const skip = p.downsample ? batchNorm(conv(x, p.downsample.conv, p.stride), p.downsample.bn, context) : x;
  return relu(tf.add(residual, skip));
}
