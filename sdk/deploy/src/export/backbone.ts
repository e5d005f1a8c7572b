/** Shapes in this module: x is float [1, channels, height, width]; H, W of the network input are multiples of 32. */
import { type BackboneConfig, backboneStages } from '@plumbline/contract';
import type { Weights } from './checkpoint.js';
import type { ConvShape } from './conv.js';
import { buildConvNorm } from './conv-norm.js';
import type { GraphBuilder, Value } from './graph-builder.js';

interface BlockShape {
  readonly inputs: number;
  readonly inner: number;
  readonly outputs: number;
  readonly stride: number;
}

/**
 * ResNet or ResNeXt (torchvision's layout and names), stride 4 to 32. Batch norm is folded into the convolution before
 * it; group norm depends on the image and stays.
 * @param inputScale factor per input channel that the stem applies first (1 / std of the normalisation)
 * @returns C2..C5
 * Source: He et al., arXiv:1512.03385, table 1; Xie et al., arXiv:1611.05431, table 1; torchvision resnet.py.
 */
export function buildBackbone(
  b: GraphBuilder,
  weights: Weights,
  config: BackboneConfig,
  image: Value,
  inputScale: readonly number[],
): Value[] {
  const stem = { inputs: 3, outputs: config.width, kernel: 7, stride: 2 };
  let x = buildConvNorm(b, weights, config, image, 'backbone.conv1', 'backbone.bn1', stem, inputScale);
  x = b.op('backbone.relu', 'Relu', [x]);
  x = b.op('backbone.maxpool', 'MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  let inputs = config.width;
  return backboneStages(config).map(({ inner, outputs }, stage) => {
    for (let block = 0; block < config.blocks[stage]!; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const path = `backbone.layer${stage + 1}.${block}`;
      x = residualBlock(b, weights, config, path, x, { inputs, inner, outputs, stride });
      inputs = outputs;
    }
    return x;
  });
}

export function residualBlock(
  b: GraphBuilder,
  weights: Weights,
  config: Pick<BackboneConfig, 'block' | 'groups' | 'norm' | 'groupNormGroups'>,
  path: string,
  x: Value,
  { inputs, inner, outputs, stride }: BlockShape,
): Value {
  const convNorm = (name: string, bn: string, input: Value, shape: ConvShape) =>
    buildConvNorm(b, weights, config, input, `${path}.${name}`, `${path}.${bn}`, shape);
  const layers: ConvShape[] =
    config.block === 'basic'
      ? [
          { inputs, outputs: inner, kernel: 3, stride },
          { inputs: inner, outputs, kernel: 3 },
        ]
      : [
          { inputs, outputs: inner, kernel: 1 },
          { inputs: inner, outputs: inner, kernel: 3, stride, groups: config.groups },
          { inputs: inner, outputs, kernel: 1 },
        ];
  let y = x;
  for (const [i, layer] of layers.entries()) {
    y = convNorm(`conv${i + 1}`, `bn${i + 1}`, y, layer);
    if (i + 1 < layers.length) y = b.op(`${path}.relu${i + 1}`, 'Relu', [y]);
  }
  const hasProjection = stride !== 1 || inputs !== outputs;
  const skip = hasProjection ? convNorm('downsample.0', 'downsample.1', x, { inputs, outputs, kernel: 1, stride }) : x;
  return b.op(`${path}.relu${layers.length}`, 'Relu', [b.op(`${path}.add`, 'Add', [y, skip])]);
}
