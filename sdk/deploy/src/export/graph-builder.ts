import { createHash } from 'node:crypto';
import {
  attributeType,
  type DataType,
  dataType,
  encodeModel,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
} from '@plumbline/runtime/onnx';
import { exactFloat16 } from './float16.js';

/** Name of one tensor of the graph under construction. */
export type Value = string & { readonly __value: unique symbol };

/** An absent optional input of a node. */
export const absent = '' as Value;

/** A float attribute; plain numbers are integer attributes. */
export class FloatAttribute {
  constructor(readonly value: number) {}
}

export type AttributeValue = number | readonly number[] | string | FloatAttribute;

const arrayTypes = {
  float: Float32Array,
  float16: Uint16Array,
  double: Float64Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};
type ConstantType = keyof typeof arrayTypes;

/** Below this a cast costs more than it saves. */
const smallestHalfWeight = 256;

/** IR version 8 is what onnx 1.12 and later pair with opset 17. */
const irVersion = 8;

/**
 * Collects nodes and constants of one ONNX graph. Nodes are named after the part of the detector that they belong to
 * (`backbone.layer1.0.conv1`), so that a later pass can choose nodes by name; equal small constants are stored once.
 */
export class GraphBuilder {
  private readonly nodes: OnnxNode[] = [];
  private readonly initializers: OnnxTensor[] = [];
  private readonly inputs: OnnxValueInfo[] = [];
  private readonly outputs: OnnxValueInfo[] = [];
  private readonly described: OnnxValueInfo[] = [];
  private readonly constantsByContent = new Map<string, Value>();
  private readonly usedNames = new Set<string>();

  constructor(
    readonly name: string,
    readonly opset: number,
  ) {}

  get nodeCount(): number {
    return this.nodes.length;
  }

  /** Declares a graph input; a string dimension is symbolic. */
  input(name: string, type: DataType, dims: readonly (number | string)[]): Value {
    this.inputs.push(valueInfo(name, type, dims));
    return this.claim(name);
  }

  /** Declares a graph output: `value` gets the given name through an Identity node, which ONNX Runtime removes. */
  output(name: string, value: Value, type: DataType, dims: readonly (number | string)[]): void {
    this.nodes.push({ name: `output.${name}`, op_type: 'Identity', input: [value], output: [name], attribute: [] });
    this.claim(name);
    this.outputs.push(valueInfo(name, type, dims));
  }

  /** States type and shape of a value inside the graph, where a reader could not infer them. */
  describe(value: Value, type: DataType, dims: readonly (number | string)[]): Value {
    this.described.push(valueInfo(value, type, dims));
    return value;
  }

  /** A table of `dims`, float16 as bit patterns; the name appears in the file. */
  constant(name: string, type: ConstantType, dims: readonly number[], data: ArrayLike<number>): Value {
    const array =
      type === 'int64'
        ? BigInt64Array.from(data as ArrayLike<number>, BigInt as never)
        : arrayTypes[type].from(data as never);
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    const key = createHash('sha256').update(`${type}[${dims}]`).update(bytes).digest('hex');
    const known = this.constantsByContent.get(key);
    if (known) return known;
    const value = this.claim(name);
    this.initializers.push({ name: value, dims: [...dims], data_type: dataType[type], raw_data: bytes });
    this.constantsByContent.set(key, value);
    return value;
  }

  /**
   * A weight of `dims`. Values that float16 holds exactly are stored in it and cast where the graph is loaded (ONNX
   * Runtime folds the cast), so that a checkpoint rounded beforehand takes half the space and computes the same.
   */
  weight(name: string, dims: readonly number[], data: ArrayLike<number>): Value {
    if (!this.isStoredHalf(data)) return this.constant(name, 'float', dims, data);
    return this.cast(`${name}.float`, this.constant(name, 'float16', dims, exactFloat16(data)!), 'float');
  }

  /** Whether {@link weight} stores these values as float16. */
  isStoredHalf(data: ArrayLike<number>): boolean {
    return data.length >= smallestHalfWeight && exactFloat16(data) !== undefined;
  }

  floats(values: readonly number[], dims: readonly number[] = [values.length]): Value {
    return this.constant(`const.float.${values.length}`, 'float', dims, values);
  }

  ints(values: readonly number[], dims: readonly number[] = [values.length]): Value {
    return this.constant(`const.int64.${values.length}`, 'int64', dims, values);
  }

  /** Adds a node with one output. */
  op(name: string, type: string, inputs: readonly Value[], attributes: Record<string, AttributeValue> = {}): Value {
    return this.multi(name, type, inputs, 1, attributes)[0]!;
  }

  /** Adds a node with several outputs. */
  multi(
    name: string,
    type: string,
    inputs: readonly Value[],
    outputCount: number,
    attributes: Record<string, AttributeValue> = {},
  ): Value[] {
    const nodeName = this.claim(name);
    const outputs = Array.from({ length: outputCount }, (_, i) =>
      outputCount === 1 ? nodeName : this.claim(`${nodeName}:${i}`),
    );
    this.nodes.push({
      name: nodeName,
      op_type: type,
      input: [...inputs],
      output: outputs,
      attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
    });
    return outputs;
  }

  cast(name: string, value: Value, type: DataType): Value {
    return this.op(name, 'Cast', [value], { to: dataType[type] });
  }

  reshape(name: string, value: Value, dims: readonly number[]): Value {
    return this.op(name, 'Reshape', [value, this.ints(dims)]);
  }

  split(name: string, value: Value, sizes: readonly number[], axis: number): Value[] {
    return this.multi(name, 'Split', [value, this.ints(sizes)], sizes.length, { axis });
  }

  /** Serialises the graph as a model. */
  finish(producerVersion: string, metadata: Record<string, string>): Uint8Array {
    return encodeModel({
      ir_version: irVersion,
      producer_name: 'plumbline',
      producer_version: producerVersion,
      opset_import: [{ domain: '', version: this.opset }],
      graph: {
        name: this.name,
        node: this.nodes,
        initializer: this.initializers,
        input: this.inputs,
        output: this.outputs,
        ...(this.described.length > 0 ? { value_info: this.described } : {}),
      },
      metadata_props: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    });
  }

  private claim(wanted: string): Value {
    let name = wanted;
    for (let i = 2; this.usedNames.has(name); i++) name = `${wanted}#${i}`;
    this.usedNames.add(name);
    return name as Value;
  }
}

function attribute(name: string, value: AttributeValue): OnnxAttribute {
  if (value instanceof FloatAttribute) return { name, type: attributeType.float, f: value.value };
  if (typeof value === 'number') return { name, type: attributeType.int, i: value };
  if (typeof value === 'string') return { name, type: attributeType.string, s: new TextEncoder().encode(value) };
  return { name, type: attributeType.ints, ints: [...value] };
}

function valueInfo(name: string, type: DataType, dims: readonly (number | string)[]): OnnxValueInfo {
  const dim = dims.map((side) => (typeof side === 'number' ? { dim_value: side } : { dim_param: side }));
  return { name, type: { tensor_type: { elem_type: dataType[type], shape: { dim } } } };
}
