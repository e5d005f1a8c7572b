/** Shapes in this module: x is float [1, channels, height, width]; H, W of the network input are multiples of 32. */
import type { ModelConfig } from '@plumbline/contract';
import type { Weights } from './checkpoint.js';
import { batchNormConvParameters, type ConvShape, conv } from './conv.js';
import type { GraphBuilder, Value } from './graph-builder.js';

/**
 * ResNet of basic blocks (torchvision's layout and names), stride 4 to 32.
 * Batch norm is folded into the convolution before it.
 * @param inputScale factor per input channel that the stem applies first (1 / std of the normalisation)
 * @returns C2..C5
 * Source: He et al., arXiv:1512.03385, table 1; torchvision resnet.py.
 */
export function buildBackbone(
  b: GraphBuilder,
  weights: Weights,
  config: ModelConfig['backbone'],
  image: Value,
  inputScale: readonly number[],
): Value[] {
  const stemShape = { inputs: 3, outputs: config.width, kernel: 7, stride: 2 };
  const stem = batchNormConvParameters(b, weights, 'backbone.conv1', 'backbone.bn1', stemShape, inputScale);
  let x = conv(b, 'backbone.conv1', image, stemShape, stem);
  x = b.op('backbone.relu', 'Relu', [x]);
  x = b.op('backbone.maxpool', 'MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  const stages: Value[] = [];
  let inputs = config.width;
  for (const [stage, blockCount] of config.blocks.entries()) {
    const outputs = config.width * 2 ** stage;
    for (let block = 0; block < blockCount; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      x = basicBlock(b, weights, `backbone.layer${stage + 1}.${block}`, x, inputs, outputs, stride);
      inputs = outputs;
    }
    stages.push(x);
  }
  return stages;
}

function basicBlock(
  b: GraphBuilder,
  weights: Weights,
  path: string,
  x: Value,
  inputs: number,
  outputs: number,
  stride: number,
): Value {
  const convBn = (name: string, bn: string, input: Value, shape: ConvShape) =>
    conv(
      b,
      `${path}.${name}`,
      input,
      shape,
      batchNormConvParameters(b, weights, `${path}.${name}`, `${path}.${bn}`, shape),
    );
  let y = convBn('conv1', 'bn1', x, { inputs, outputs, kernel: 3, stride });
  y = b.op(`${path}.relu1`, 'Relu', [y]);
  y = convBn('conv2', 'bn2', y, { inputs: outputs, outputs, kernel: 3 });
  const hasProjection = stride !== 1 || inputs !== outputs;
  const skip = hasProjection ? convBn('downsample.0', 'downsample.1', x, { inputs, outputs, kernel: 1, stride }) : x;
  return b.op(`${path}.relu2`, 'Relu', [b.op(`${path}.add`, 'Add', [y, skip])]);
}
