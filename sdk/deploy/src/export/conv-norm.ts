/** Shapes in this module: x is float [1, channels, height, width]. */
import type { BackboneConfig } from '@plumbline/contract';
import type { Weights } from './checkpoint.js';
import { batchNormConvParameters, batchNormEpsilon, type ConvShape, conv, scaledConvWeight } from './conv.js';
import { FloatAttribute, type GraphBuilder, type Value } from './graph-builder.js';

/** A convolution without bias and the norm after it, as `model.backbone.norm` asks. */
export function buildConvNorm(
  b: GraphBuilder,
  weights: Weights,
  config: Pick<BackboneConfig, 'norm' | 'groupNormGroups'>,
  x: Value,
  convPath: string,
  normPath: string,
  shape: ConvShape,
  inputScale?: readonly number[],
): Value {
  if (config.norm !== 'group')
    return conv(b, convPath, x, shape, batchNormConvParameters(b, weights, convPath, normPath, shape, inputScale));
  const y = conv(b, convPath, x, shape, { weight: scaledConvWeight(b, weights, convPath, shape, inputScale) });
  return groupNorm(b, weights, normPath, y, shape.outputs, config.groupNormGroups!);
}

/**
 * Group norm out of operators of every opset: a group is one channel of an InstanceNormalization (the operator
 * GroupNormalization came with opset 18). Source: Wu and He, arXiv:1803.08494.
 */
function groupNorm(b: GraphBuilder, weights: Weights, path: string, x: Value, channels: number, groups: number): Value {
  const ones = b.floats(new Array<number>(groups).fill(1));
  const zeros = b.floats(new Array<number>(groups).fill(0));
  const grouped = b.reshape(`${path}.grouped`, x, [0, groups, -1]);
  const normalised = b.op(`${path}.norm`, 'InstanceNormalization', [grouped, ones, zeros], {
    epsilon: new FloatAttribute(batchNormEpsilon),
  });
  const restored = b.op(`${path}.restored`, 'Reshape', [normalised, b.op(`${path}.shape`, 'Shape', [x])]);
  const perChannel = (part: string) =>
    b.constant(`${path}.${part}`, 'float', [channels, 1, 1], weights.get(`${path}.${part}`, [channels]));
  const scaled = b.op(`${path}.scale`, 'Mul', [restored, perChannel('weight')]);
  return b.op(`${path}.offset`, 'Add', [scaled, perChannel('bias')]);
}
