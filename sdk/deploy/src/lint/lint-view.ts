import {
  type DataType,
  dataType,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  toNumber,
} from '@plumbline/runtime/onnx';
import { GraphView } from '../quantize/graph-view.js';
import { numbersOf } from '../tensor-values.js';

/** Types of ONNX that this product does not write; `TensorProto.DataType`. */
export const otherTypes: Readonly<Record<number, string>> = {
  4: 'uint16',
  5: 'int16',
  8: 'string',
  12: 'uint32',
  13: 'uint64',
  14: 'complex64',
  15: 'complex128',
  16: 'bfloat16',
  17: 'float8e4m3fn',
  18: 'float8e4m3fnuz',
  19: 'float8e5m2',
  20: 'float8e5m2fnuz',
  21: 'uint4',
  22: 'int4',
  23: 'float4e2m1',
};

const ownTypes = new Map<number, string>(Object.entries(dataType).map(([name, code]) => [code, name]));

export function typeName(code: number): string {
  return ownTypes.get(code) ?? otherTypes[code] ?? `type ${code}`;
}

/** Name of a node, or of its first output where it has none. */
export function nameOf(node: OnnxNode): string {
  return node.name || (node.output[0] ?? '');
}

export function hasAttribute(node: OnnxNode, name: string): boolean {
  return node.attribute.some((attribute) => attribute.name === name);
}

export function isOfOnnxDomain({ domain }: { domain?: string }): boolean {
  return !domain || domain === 'ai.onnx';
}

const comparing = new Set('And Or Not Xor Equal Less LessOrEqual Greater GreaterOrEqual IsNaN IsInf'.split(' '));
const counting = new Set('Shape Size NonZero NonMaxSuppression ArgMax ArgMin'.split(' '));
/** Operators whose result has the type of what they take first. */
const keepingType = new Set(
  (
    'Abs Add AveragePool Ceil Clip Concat Conv ConvTranspose DepthToSpace Div Exp Expand Flatten Floor Gather GatherElements ' +
    'GatherND Gemm GlobalAveragePool Identity LeakyRelu Log MatMul Max MaxPool Min Mod Mul Neg Pad Pow ReduceMax ReduceMean ' +
    'ReduceMin ReduceSum Relu Reshape Resize RoiAlign ScatterElements ScatterND Sigmoid Slice Softmax SpaceToDepth Split ' +
    'Sqrt Squeeze Sub Tanh Tile TopK Transpose Unsqueeze'
  ).split(' '),
);

/** A graph with what the rules ask of it: types, constants of nodes, and which values follow from shapes alone. */
export class LintView extends GraphView {
  /** Of the ONNX domain; 0 when the file names none. */
  readonly opset: number;
  private readonly declared = new Map<string, number>();
  private readonly types = new Map<string, number | undefined>();
  private readonly ofShapes = new Map<string, boolean>();
  private readonly functions: ReadonlySet<string>;

  constructor(model: OnnxModel) {
    super(model, 'the model');
    const { graph } = model;
    this.opset = toNumber(model.opset_import.find(isOfOnnxDomain)?.version ?? 0);
    this.functions = new Set((model.functions ?? []).map(({ name }) => name));
    for (const { name, type } of [...graph.input, ...graph.output, ...(graph.value_info ?? [])]) {
      const code = type?.tensor_type?.elem_type;
      if (code) this.declared.set(name, code);
    }
    for (const { name, data_type } of graph.initializer) this.declared.set(name, data_type);
    // In the order of the graph, so that no later question walks far.
    for (const value of graph.node.flatMap((node) => node.output)) {
      this.typeOf(value);
      this.isOfShapes(value);
    }
  }

  /** Whether the file defines an operator of this name itself. */
  isFunction(type: string): boolean {
    return this.functions.has(type);
  }

  /** An initializer, or the tensor of a Constant node. */
  override constant(name: string | undefined): OnnxTensor | undefined {
    if (!name) return undefined;
    const found = super.constant(name);
    if (found) return found;
    const producer = this.producerOf(name);
    if (producer?.op_type === 'Identity') return this.constant(producer.input[0]);
    return producer?.op_type === 'Constant' ? constantOf(producer) : undefined;
  }

  /** Numbers of a constant; undefined when it is none, when its data are in another file or its type is not read here. */
  numbers(name: string | undefined): number[] | undefined {
    const tensor = this.constant(name);
    return tensor && numbersOf(tensor);
  }

  /** Element type of a value as far as the graph tells; `TensorProto.DataType`. */
  typeOf(value: string): number | undefined {
    if (!this.types.has(value)) {
      this.types.set(value, this.declared.get(value)); // also ends the walk where a broken graph has a cycle
      this.types.set(value, this.declared.get(value) ?? this.inferType(value));
    }
    return this.types.get(value);
  }

  isType(value: string, ...types: DataType[]): boolean {
    const type = this.typeOf(value);
    return type !== undefined && types.some((name) => dataType[name] === type);
  }

  /** Whether a value follows from constants and from shapes of values, not from what the values hold. */
  isOfShapes(value: string): boolean {
    const known = this.ofShapes.get(value);
    if (known !== undefined) return known;
    this.ofShapes.set(value, false);
    const producer = this.producerOf(value);
    const found = producer
      ? ['Shape', 'Size', 'Constant'].includes(producer.op_type) ||
        (producer.input.length > 0 && producer.input.every((name) => name === '' || this.isOfShapes(name)))
      : this.constant(value) !== undefined;
    this.ofShapes.set(value, found);
    return found;
  }

  private inferType(value: string): number | undefined {
    const node = this.producerOf(value);
    if (!node) return undefined;
    const { op_type: type } = node;
    const attribute = (name: string) => node.attribute.find((found) => found.name === name);
    if (type === 'Constant') return this.constant(value)?.data_type;
    if (type === 'Cast') return toNumber(attribute('to')?.i ?? 0) || undefined;
    if (type === 'QuantizeLinear') return node.input[2] ? this.typeOf(node.input[2]) : dataType.uint8;
    if (type === 'DequantizeLinear') return node.input[1] ? this.typeOf(node.input[1]) : undefined;
    if (type === 'ConstantOfShape') return attribute('value')?.t?.data_type ?? dataType.float;
    if (comparing.has(type)) return dataType.bool;
    if (counting.has(type) || (type === 'TopK' && node.output[1] === value)) return dataType.int64;
    if (type === 'Where') return this.typeOf(node.input[1] ?? '');
    return keepingType.has(type) ? this.typeOf(node.input[0] ?? '') : undefined;
  }
}

/** What a Constant node holds; undefined for sparse tensors and text. */
function constantOf({ attribute }: OnnxNode): OnnxTensor | undefined {
  for (const { name, t, i, ints, f, floats } of attribute) {
    if (name === 'value') return t ?? undefined;
    if (name === 'value_int') return { name, dims: [], data_type: dataType.int64, int64_data: [i ?? 0] };
    if (name === 'value_float') return { name, dims: [], data_type: dataType.float, float_data: [f ?? 0] };
    if (name === 'value_ints' && ints)
      return { name, dims: [ints.length], data_type: dataType.int64, int64_data: [...ints] };
    if (name === 'value_floats' && floats)
      return { name, dims: [floats.length], data_type: dataType.float, float_data: [...floats] };
  }
  return undefined;
}
