import type { OnnxNode } from '@plumbline/runtime/onnx';
import { isFeatureLayer } from '../feature-names.js';
import { sizesOf } from '../tensor-values.js';
import { foreignNodes } from './foreign-nodes.js';
import { type GraphView, intAttribute } from './graph-view.js';
import { isQuantizable } from './qdq-plan.js';

/**
 * The nodes of an exported detector that compute in integers: backbone, pyramid, the shared layer of the region
 * proposals and the fully connected layers of the heads. The layers that return boxes and scores stay float.
 */
export function featureNodes(view: GraphView): OnnxNode[] {
  return view.nodes.filter((node) => isFeatureLayer(node.name) && isQuantizable(view, node));
}

/** Which nodes are quantized; each pattern is searched for in the names of nodes and in their operators. */
export interface NodeChoice {
  /** These in place of the default. */
  readonly include?: RegExp;
  /** Not these. */
  readonly exclude?: RegExp;
}

/**
 * The nodes to quantize: those of {@link featureNodes} in a graph that this product exported, those of {@link foreignNodes}
 * in any other, or those that are asked for.
 */
export function chooseNodes(view: GraphView, { include, exclude }: NodeChoice = {}): OnnxNode[] {
  const isMatch = (pattern: RegExp, { name, op_type }: OnnxNode) => pattern.test(name) || pattern.test(op_type);
  const chosen = include
    ? view.nodes.filter((node) => isMatch(include, node) && isQuantizable(view, node))
    : defaultNodes(view);
  return exclude ? chosen.filter((node) => !isMatch(exclude, node)) : chosen;
}

function defaultNodes(view: GraphView): OnnxNode[] {
  const own = featureNodes(view);
  return own.length > 0 ? own : foreignNodes(view);
}

/** Narrower layers are slower in integers than in float16. */
const tensorrtChannels = 16;

/**
 * Whether TensorRT gains from a layer in integers.
 * Source: NVIDIA Model-Optimizer's int8 recipe for ONNX: convolutions and matrix products with fewer than 16 inputs or
 * outputs stay float, but for square kernels of one group with a multiple of 8 on one side that read the image or have 16
 * on one side; of several groups those with a multiple of 8 outputs and kernels from 3 on; products with a single row.
 */
export function isWorthInTensorrt(view: GraphView, node: OnnxNode): boolean {
  const weight = view.constant(node.input[1]);
  if (!weight) return true;
  const [outputs, inputs, ...kernel] = sizesOf(weight) as [number, number, ...number[]];
  if (node.op_type !== 'Conv') return Math.min(outputs, inputs) >= tensorrtChannels;
  const groups = intAttribute(node, 'group', 1);
  if (groups > 1) return outputs % 8 === 0 && kernel.every((side) => side >= 3);
  if (Math.min(outputs, inputs) >= tensorrtChannels) return true;
  const isSquare = kernel.every((side) => side === kernel[0]);
  const isFirst =
    view.producerOf(node.input[0]!) === undefined || view.producerOf(node.input[0]!)!.name.startsWith('input.');
  return (
    isSquare && (inputs % 8 === 0 || outputs % 8 === 0) && (isFirst || Math.max(inputs, outputs) >= tensorrtChannels)
  );
}
