import type { OnnxGraph, OnnxNode, OnnxTensor } from '@plumbline/runtime/onnx';
import { numbersOf, sizesOf } from '../tensor-values.js';
import { windowSteps } from '../window.js';
import { intAttribute, intsAttribute } from './graph-view.js';

/** [batch, channels, height, width] of a feature map; a batch of 0 is any. */
export type MapShape = readonly [batch: number, channels: number, height: number, width: number];

/**
 * Shapes of the feature maps of a graph, from where one is brought to a fixed size on. Values whose shape depends on the
 * image or follows from other operators than those of a backbone and a pyramid are not in the result.
 * Source: ONNX operators Conv, MaxPool, Resize, opset 17.
 */
export function inferMapShapes(graph: OnnxGraph): Map<string, MapShape> {
  const constants = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const shapes = new Map<string, MapShape>();
  for (const node of graph.node) {
    const shape = shapeOf(node, shapes.get(node.input[0]!), constants);
    if (shape) shapes.set(node.output[0]!, shape);
  }
  return shapes;
}

function shapeOf(
  node: OnnxNode,
  input: MapShape | undefined,
  constants: ReadonlyMap<string, OnnxTensor>,
): MapShape | undefined {
  if (node.op_type === 'Reshape') {
    const dims = constants.get(node.input[1]!);
    const sides = (dims && numbersOf(dims)) ?? [];
    return sides.length === 4 && sides.slice(1).every((side) => side > 0) ? (sides as unknown as MapShape) : undefined;
  }
  if (!input) return undefined;
  const [batch, channels, height, width] = input;
  switch (node.op_type) {
    case 'Relu':
    case 'Clip':
    case 'Add':
      return input;
    case 'Conv': {
      const weight = constants.get(node.input[1]!);
      if (!weight) return undefined;
      const [outputs, , ...kernel] = sizesOf(weight);
      return windowed([batch, outputs!, height, width], node, kernel);
    }
    case 'MaxPool':
      return windowed(input, node, intsAttribute(node, 'kernel_shape'));
    case 'Resize': {
      const scales = constants.get(node.input[2]!);
      const factors = scales && numbersOf(scales);
      if (!factors) return undefined;
      return [batch, channels, Math.floor(height * factors[2]!), Math.floor(width * factors[3]!)];
    }
    default:
      return undefined;
  }
}

function windowed([batch, channels, height, width]: MapShape, node: OnnxNode, kernel: readonly number[]): MapShape {
  const window = {
    kernel,
    pads: intsAttribute(node, 'pads'),
    strides: intsAttribute(node, 'strides'),
    dilations: intsAttribute(node, 'dilations'),
    isCeil: intAttribute(node, 'ceil_mode', 0) === 1,
  };
  return [batch, channels, windowSteps(height, 0, window), windowSteps(width, 1, window)];
}
