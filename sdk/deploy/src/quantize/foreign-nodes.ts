import type { OnnxNode } from '@plumbline/runtime/onnx';
import { sizesOf } from '../tensor-values.js';
import { type GraphView, intAttribute } from './graph-view.js';
import { isQuantizable } from './qdq-plan.js';

const weightedTypes = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

/** What stands between layers and carries features on: activations, sums, pools, and changes of shape. */
const carrying = new Set([
  ...['Relu', 'Clip', 'LeakyRelu', 'Sigmoid', 'Mul', 'Add'],
  ...['MaxPool', 'AveragePool', 'GlobalAveragePool', 'Resize'],
  ...['Concat', 'Split', 'Slice', 'Reshape', 'Flatten', 'Transpose', 'Squeeze', 'Unsqueeze'],
]);

/** Between a Softmax over bins and the convolution that sums them up. */
const reshaping = new Set(['Transpose', 'Reshape', 'Squeeze', 'Unsqueeze', 'Slice', 'Split', 'Identity']);

/** Their results are sizes, whatever the numbers. */
const sizeTypes = new Set(['Shape', 'Size']);

/**
 * The nodes of a detector of another project that compute in integers: layers with constant weights, and the activations,
 * sums, pools and changes of shape that carry their results on. The last layers before the outputs stay float with
 * everything behind them: what is met on the way back from the outputs, up to and with the first layer with weights on
 * each path. On these paths lie boxes and scores, also those of a region proposal stage, whose boxes the final ones are
 * offsets from; a convolution that only sums up a distribution over bins (Generalized Focal Loss, arXiv:2006.04388) ends
 * no path.
 * Source of the rule: NVIDIA TAO's guide, skip the output heads; ONNX Runtime's quantizer with its default operators takes
 * TopK, Gather, Concat, Mul, Softmax of the box and score path too, which is why a detector needs a list.
 */
export function foreignNodes(view: GraphView): OnnxNode[] {
  // A second step of quantization on top of the first.
  if (view.nodes.some(({ op_type }) => op_type === 'QuantizeLinear')) return [];
  const tail = tailOf(view);
  return view.nodes.filter((node) => {
    const isCandidate = carrying.has(node.op_type) || isPlainLayer(view, node);
    return isCandidate && !tail.has(node) && isQuantizable(view, node);
  });
}

/** Last layers before the outputs and everything behind them. */
function tailOf(view: GraphView): Set<OnnxNode> {
  const tail = new Set<OnnxNode>();
  const open = view.model.graph.output.map(({ name }) => name);
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    const node = view.producerOf(value);
    if (!node || tail.has(node) || sizeTypes.has(node.op_type)) continue;
    tail.add(node);
    if (!hasWeights(view, node) || isExpectation(view, node)) open.push(...view.readsOf(node));
  }
  return tail;
}

function hasWeights(view: GraphView, node: OnnxNode): boolean {
  return weightedTypes.has(node.op_type) && node.input.slice(0, 2).some((name) => view.constant(name) !== undefined);
}

/** A convolution to one value of what a Softmax returns. */
function isExpectation(view: GraphView, node: OnnxNode): boolean {
  const weight = view.constant(node.input[1]);
  if (node.op_type !== 'Conv' || !weight || sizesOf(weight)[0] !== 1) return false;
  let source = view.producerOf(node.input[0]!);
  while (source && reshaping.has(source.op_type)) source = view.producerOf(source.input[0]!);
  return source?.op_type === 'Softmax';
}

/** A layer whose integer form is the one that is written: products as they are, one bias for each output. */
function isPlainLayer(view: GraphView, node: OnnxNode): boolean {
  if (!weightedTypes.has(node.op_type)) return false;
  const [weight, bias] = [view.constant(node.input[1]), view.constant(node.input[2])];
  if (!weight || (bias && sizesOf(bias).length !== 1)) return false;
  if (node.op_type === 'MatMul') return sizesOf(weight).length === 2;
  if (node.op_type !== 'Gemm') return true;
  const factor = (name: string) => node.attribute.find((attribute) => attribute.name === name)?.f ?? 1;
  return intAttribute(node, 'transA', 0) === 0 && factor('alpha') === 1 && factor('beta') === 1;
}
