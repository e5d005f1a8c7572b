import type { OnnxNode, OnnxTensor } from '@plumbline/runtime/onnx';
import { type GraphView, intAttribute } from './graph-view.js';
import type { IntegerSettings } from './scales.js';

/** How the tensors of a graph become integers. */
export interface QdqSettings {
  readonly activation: IntegerSettings;
  readonly weight: IntegerSettings;
  /** A scale per output channel of a weight instead of one for all. */
  readonly isPerChannel: boolean;
  /**
   * Whether what an operation returns is quantized where it is computed, so that values pass from one to the next as
   * integers. Otherwise only what an operation takes is quantized, in TensorRT's way, each value with a range of its own.
   */
  readonly hasQuantizedOutputs: boolean;
  /** Biases as int32; as floats otherwise. */
  readonly hasIntegerBias: boolean;
  /** Weights stay floats followed by both operations, instead of integers followed by one. */
  readonly hasWeightPairs: boolean;
  /**
   * Of a sum with what a convolution returns, only the other value is quantized: TensorRT then adds inside the convolution.
   * Both when absent.
   */
  readonly quantizesSkipOnly?: boolean;
  /** What computes features stays in float16 where it is not in integers, and steps are float16; float32 when absent. */
  readonly hasHalfFloats?: boolean;
}

/** Where the weight and bias of an operation are, and along which axis of the weight its outputs lie. */
interface WeightedInputs {
  readonly weight: OnnxTensor;
  readonly axis: number;
  readonly bias?: OnnxTensor;
}

const passThrough = new Set([
  'MaxPool',
  'Split',
  'Reshape',
  'Flatten',
  'Transpose',
  'Squeeze',
  'Unsqueeze',
  'Resize',
  'Slice',
]);
const arithmetic = new Set(['Add', 'Mul', 'GlobalAveragePool', 'AveragePool', 'Concat', 'LeakyRelu', 'Sigmoid']);
const activations = new Set(['Relu', 'Clip']);

/** What will be quantized in a graph, before any range is known. */
export interface QdqPlan {
  readonly settings: QdqSettings;
  /** Value -> value whose range and scale it shares; itself where it has its own. */
  readonly values: ReadonlyMap<string, string>;
  /** Value -> value whose range it takes, where that is another. */
  readonly rangeOf: ReadonlyMap<string, string>;
  /** Nodes that compute in integers, with their weight and bias. */
  readonly weighted: ReadonlyMap<OnnxNode, WeightedInputs>;
  /** Activations that the lower end of their output's range stands in for; output by input. */
  readonly foldedActivations: ReadonlyMap<string, string>;
}

/** Whether a node of this type can be named in a plan. */
export function isQuantizable(view: GraphView, node: OnnxNode): boolean {
  const { op_type: type } = node;
  if (arithmetic.has(type)) return node.input.every((name) => !view.constant(name));
  return passThrough.has(type) || activations.has(type) || weightedInputs(view, node) !== undefined;
}

/**
 * Chooses the values to quantize from the nodes to quantize, in the order of the graph.
 *
 * Convolutions and matrix products with constant weights take integers and return them. Operations that pass values on
 * do so in integers where what they get is quantized, and keep its scale; sums and the like where all that they get is.
 * An asymmetric range that begins at 0 does what
 * a Relu does: the Relu goes.
 * Source: the rules of ONNX Runtime 1.30's QDQ quantizer, for an explicit list of nodes.
 */
export function planQdq(view: GraphView, nodes: ReadonlySet<string>, settings: QdqSettings): QdqPlan {
  const values = new Map<string, string>();
  const rangeOf = new Map<string, string>();
  const weighted = new Map<OnnxNode, WeightedInputs>();
  const foldedActivations = new Map<string, string>();
  const add = (value: string) => {
    if (!values.has(value)) values.set(value, value);
  };
  for (const node of view.nodes) {
    if (!nodes.has(node.name) || !isQuantizable(view, node)) continue;
    const [input, output] = [node.input[0]!, node.output[0]!];
    const ofWeights = weightedInputs(view, node);
    if (ofWeights) {
      weighted.set(node, ofWeights);
      add(input);
      if (settings.hasQuantizedOutputs) add(output);
    } else if (passThrough.has(node.op_type)) {
      if (!settings.hasQuantizedOutputs) add(input);
      else if (values.has(input)) for (const part of node.output) values.set(part, values.get(input)!);
    } else if (activations.has(node.op_type)) {
      if (!values.has(input)) continue;
      const isAlone = view.consumersOf(input).length === 1 && !view.isOutput(input) && view.producerOf(input);
      if (isAlone) rangeOf.set(input, output);
      add(output);
      if (isAlone && !settings.activation.isSymmetric) {
        values.delete(input);
        foldedActivations.set(input, output);
      }
    } else if (!settings.hasQuantizedOutputs) {
      for (const value of settings.quantizesSkipOnly ? skipInputs(view, node) : node.input) add(value);
    } else if (node.input.every((value) => values.has(value))) add(output);
  }
  return { settings, values, rangeOf, weighted, foldedActivations };
}

/**
 * Inputs of a sum without the one that a convolution computes for it alone: the first where both are such.
 * Source: NVIDIA Model-Optimizer, residual inputs of Add; TensorFlow quantization toolkit, ResNetV1QDQCase.
 */
function skipInputs(view: GraphView, node: OnnxNode): readonly string[] {
  if (node.op_type !== 'Add') return node.input;
  const fused = node.input.find((value) => {
    const isConv = view.producerOf(value)?.op_type === 'Conv';
    return isConv && view.consumersOf(value).length === 1 && !view.isOutput(value);
  });
  return node.input.filter((value) => value !== fused);
}

/**
 * Values whose ranges have to be measured, for this plan and for any of fewer nodes: also those that share another's scale
 * here and would have their own where that other stays float.
 */
export function valuesToMeasure({ values, rangeOf }: QdqPlan): string[] {
  return [...new Set([...values.keys()].map((value) => rangeOf.get(value) ?? value))];
}

function weightedInputs(view: GraphView, node: OnnxNode): WeightedInputs | undefined {
  const axis = weightAxis(node);
  const weight = view.constant(node.input[1]);
  if (axis === undefined || !weight || view.constant(node.input[0])) return undefined;
  const bias = view.constant(node.input[2] || undefined);
  if (node.input[2] && !bias) return undefined;
  return { weight, axis, ...(bias ? { bias } : {}) };
}

/** Axis of a weight along which the outputs lie. */
function weightAxis(node: OnnxNode): number | undefined {
  switch (node.op_type) {
    case 'Conv':
      return 0;
    case 'ConvTranspose':
    case 'MatMul':
      return 1;
    case 'Gemm':
      return intAttribute(node, 'transB', 0) === 1 ? 0 : 1;
    default:
      return undefined;
  }
}
