/** Shapes in this module: B images; C2..C5 at strides 4, 8, 16, 32, NHWC, with the channels of `backboneStages`. */
import { type BackboneConfig, backboneStages } from '@plumbline/contract';
import type * as tf from '@tensorflow/tfjs-core';
import { maxPool3x3s2 } from '../engines/index.js';
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

export interface BackboneParameters {
  readonly stem: ConvNormParameters;
  readonly stages: readonly (readonly ResidualBlockParameters[])[];
}

/**
 * ResNet or ResNeXt in torchvision's layout and names; the first `frozenStages` stages, and the stem with them, are
 * created frozen. Source: He et al. (arXiv:1512.03385), table 1; torchvision resnet.py.
 */
export function createBackbone(store: ParameterStore, config: BackboneConfig): BackboneParameters {
  const { block, width, groups, frozenStages } = config;
  const stemShape = { kernel: 7, inputs: 3, outputs: width, stride: 2 };
  const stem = store.freezing(frozenStages >= 1, () =>
    createConvNorm(store, 'backbone.conv1', 'backbone.bn1', stemShape, config),
  );
  let inputs = width;
  const stages = backboneStages(config).map(({ inner, outputs }, stage) =>
    store.freezing(frozenStages > stage, () =>
      Array.from({ length: config.blocks[stage]! }, (_, index) => {
        const stride = stage > 0 && index === 0 ? 2 : 1;
        const shape = { block, inputs, inner, outputs, stride, groups };
        inputs = outputs;
        return createResidualBlock(store, `backbone.layer${stage + 1}.${index}`, shape, config);
      }),
    ),
  );
  return { stem, stages };
}

/**
 * @param images [B, H, W, 3] normalised, H and W multiples of 32
 * @returns [C2, C3, C4, C5]
 */
export function backbone(images: tf.Tensor4D, parameters: BackboneParameters, context: ForwardContext): tf.Tensor4D[] {
  let x = maxPool3x3s2(relu(convNorm(images, parameters.stem, context)));
  return parameters.stages.map((stage) => {
    for (const block of stage) x = residualBlock(x, block, context);
    return x;
  });
}
