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
import { exactFloat16 } from '../half/float16.js';
import { type Dim, inferOutputs, inferSides, type NodeFacts, type ValueType } from './infer-types.js';

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

/** Constants of more numbers are no shapes, scales or axes. */
const longestShape = 16;

/** Below this a cast costs more than it saves. */
const smallestHalfWeight = 256;

/** IR version 8 is what onnx 1.12 and later pair with opset 17. */
const irVersion = 8;

/**
 * Collects nodes and constants of one ONNX graph. The type and shape of every value are known as it is made, so that a
 * node that its inputs do not fit is refused where it is written; the file states them. Nodes are named after the part of the detector that they belong to
 * (`backbone.layer1.0.conv1`), so that a later pass can choose nodes by name; equal small constants are stored once.
 */
export class GraphBuilder {
  private readonly nodes: OnnxNode[] = [];
  private readonly initializers: OnnxTensor[] = [];
  private readonly inputs: OnnxValueInfo[] = [];
  private readonly outputs: OnnxValueInfo[] = [];
  private readonly types = new Map<string, ValueType>();
  /** Values of constants that shapes depend on. */
  private readonly numbers = new Map<string, readonly number[]>();
  /** Values that hold sides of shapes. */
  private readonly sides = new Map<string, readonly Dim[]>();
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
    return this.claim(name, { type, dims });
  }

  /** Declares a graph output: `value` gets the given name through an Identity node, which ONNX Runtime removes. */
  output(name: string, value: Value, type: DataType, dims: readonly (number | string)[]): void {
    const found = this.typeOf(value);
    const isOther = (dim: Dim, i: number) => typeof dim === 'number' && typeof dims[i] === 'number' && dim !== dims[i];
    if (found.type !== type || found.dims.length !== dims.length || found.dims.some(isOther))
      throw new Error(`output ${name} is ${found.type} [${found.dims}], not ${type} [${dims}]`);
    this.nodes.push({ name: `output.${name}`, op_type: 'Identity', input: [value], output: [name], attribute: [] });
    this.claim(name);
    this.outputs.push(valueInfo(name, type, dims));
  }

  /** Element type and shape of a value. */
  typeOf(value: Value): ValueType {
    const type = this.types.get(value);
    if (!type) throw new Error(`${value} is no value of this graph`);
    return type;
  }

  /** States the shape of a value of which not every side can be inferred. */
  describe(value: Value, dims: readonly (number | string)[]): Value {
    this.types.set(value, { type: this.typeOf(value).type, dims });
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
    const value = this.claim(name, { type, dims });
    if (data.length <= longestShape) this.numbers.set(value, Array.from(data as ArrayLike<number>));
    this.initializers.push({ name: value, dims: [...dims], data_type: dataType[type], raw_data: bytes });
    this.constantsByContent.set(key, value);
    return value;
  }

  /**
   * A weight of `dims`. Values that float16 holds exactly are stored in it and cast where the graph is loaded (ONNX
   * Runtime folds the cast), so that a checkpoint rounded beforehand takes half the space and computes the same. The float
   * value has the given name either way.
   */
  weight(name: string, dims: readonly number[], data: ArrayLike<number>): Value {
    if (!this.isStoredHalf(data)) return this.constant(name, 'float', dims, data);
    return this.cast(name, this.constant(`${name}.half`, 'float16', dims, exactFloat16(data)!), 'float');
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
    const facts: NodeFacts = {
      inputs: inputs.map((input) => (input === absent ? undefined : this.typeOf(input))),
      attributes: type === 'Cast' ? { to: dataTypeNames.get(attributes.to as number) } : attributes,
      constant: (i) => this.numbers.get(inputs[i] ?? ''),
      sides: (i) => this.numbers.get(inputs[i] ?? '') ?? this.sides.get(inputs[i] ?? ''),
    };
    const types = inferOutputs(name, type, facts);
    const sides = inferSides(type, facts);
    const nodeName = this.claim(name, outputCount === 1 ? types[0] : undefined);
    const outputs = Array.from({ length: outputCount }, (_, i) =>
      outputCount === 1 ? nodeName : this.claim(`${nodeName}:${i}`, types[i]),
    );
    if (sides) this.sides.set(outputs[0]!, sides);
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
        value_info: this.innerTypes(),
      },
      metadata_props: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    });
  }

  /** Of every value that a node returns for another. */
  private innerTypes(): OnnxValueInfo[] {
    const stated = new Set(this.outputs.map(({ name }) => name));
    return this.nodes
      .flatMap((node) => node.output)
      .flatMap((name) => {
        const found = this.types.get(name);
        return found && !stated.has(name) ? [valueInfo(name, found.type, found.dims)] : [];
      });
  }

  private claim(wanted: string, type?: ValueType): Value {
    let name = wanted;
    for (let i = 2; this.usedNames.has(name); i++) name = `${wanted}#${i}`;
    this.usedNames.add(name);
    if (type) this.types.set(name, type);
    return name as Value;
  }
}

function attribute(name: string, value: AttributeValue): OnnxAttribute {
  if (value instanceof FloatAttribute) return { name, type: attributeType.float, f: value.value };
  if (typeof value === 'number') return { name, type: attributeType.int, i: value };
  if (typeof value === 'string') return { name, type: attributeType.string, s: new TextEncoder().encode(value) };
  return { name, type: attributeType.ints, ints: [...value] };
}

const dataTypeNames = new Map(Object.entries(dataType).map(([name, code]) => [code as number, name]));

function valueInfo(name: string, type: DataType, dims: readonly Dim[]): OnnxValueInfo {
  const dim = dims.map((side) =>
    typeof side === 'number' ? { dim_value: side } : side === undefined ? {} : { dim_param: side },
  );
  return { name, type: { tensor_type: { elem_type: dataType[type], shape: { dim } } } };
}
