import {
  attributeType,
  dataType,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
} from '@plumbline/runtime/onnx';
import { floatsOf } from '../tensor-values.js';
import { toFloat16Bits } from './float16.js';

/** Smallest step above zero that float16 holds: a step of 0 would divide by it. */
const smallestStep = 2 ** -24;
const largest = 65504;

/** Operators that have no float16 kernel where these files are run, or choose by numbers. */
const staysFloat = new Set(['RoiAlign', 'TopK', 'NonMaxSuppression']);

/**
 * The graph with float16 where features are computed and float32 where boxes and scores are, with casts between. The
 * constants of float16 nodes are limited to its numbers; steps of integers never become 0.
 * @param isHalf whether a node, by its name, computes in float16; QuantizeLinear and DequantizeLinear follow their reader
 * Source: the block list and limits of ONNX Runtime's transformers/float16.py, 1.30.
 */
export function withHalfFloats(model: OnnxModel, isHalf: (nodeName: string) => boolean): OnnxModel {
  return { ...model, graph: new HalfWriter(model.graph, isHalf).write() };
}

class HalfWriter {
  private readonly constants = new Map<string, OnnxTensor>();
  private readonly floatOutputs = new Set<string>();
  private readonly half = new Set<OnnxNode>();
  private readonly halfValues = new Set<string>();
  private readonly nodes: OnnxNode[] = [];
  /** Value and type -> name of the value in that type. */
  private readonly converted = new Map<string, string>();

  constructor(
    private readonly graph: OnnxGraph,
    isHalf: (nodeName: string) => boolean,
  ) {
    for (const tensor of graph.initializer) this.constants.set(tensor.name, tensor);
    for (const { name } of graph.output) this.floatOutputs.add(name);
    const readers = new Map<string, OnnxNode[]>();
    for (const node of graph.node)
      for (const name of node.input) readers.set(name, [...(readers.get(name) ?? []), node]);
    // What is computed of constants alone is computed once, when the file is loaded: in float32, and rounded behind it.
    const fixed = new Set(this.constants.keys());
    for (const node of graph.node) {
      const isPair = node.op_type.endsWith('Linear');
      if (!isPair && node.input.every((name) => fixed.has(name))) for (const name of node.output) fixed.add(name);
    }
    // From the back: a pair of quantization belongs to the node that reads it.
    for (const node of [...graph.node].reverse()) {
      const isPair = node.op_type === 'QuantizeLinear' || node.op_type === 'DequantizeLinear';
      const belongs = isPair
        ? (readers.get(node.output[0]!) ?? []).some((reader) => this.half.has(reader))
        : isHalf(node.name) && !staysFloat.has(node.op_type) && !fixed.has(node.output[0]!);
      if (belongs) this.half.add(node);
    }
    for (const node of this.half) {
      if (node.op_type !== 'QuantizeLinear') for (const name of node.output) this.halfValues.add(name);
    }
  }

  write(): OnnxGraph {
    for (const node of this.graph.node) {
      const input = node.input.map((name) => this.inputOf(node, name));
      this.nodes.push({ ...node, input });
    }
    for (const name of this.floatOutputs) {
      if (this.halfValues.has(name)) throw new Error(`output ${name} would be float16`);
    }
    const used = new Set(this.nodes.flatMap((node) => node.input));
    const initializer = [...this.constants.values()].filter(
      ({ name }) => used.has(name) || this.floatOutputs.has(name),
    );
    return { ...this.graph, node: this.nodes, initializer, value_info: [] };
  }

  private inputOf(node: OnnxNode, name: string): string {
    const wantsHalf = this.half.has(node);
    const tensor = this.constants.get(name);
    // The factors of a Resize are float32 whatever it resizes.
    const isFactor = node.op_type === 'Resize' && name !== node.input[0];
    if (tensor) {
      const isHalf = wantsHalf && !isFactor && tensor.data_type === dataType.float;
      return isHalf ? this.halfConstant(tensor, node) : name;
    }
    if (name === '' || this.isInteger(node, name)) return name;
    if (wantsHalf === this.halfValues.has(name)) return name;
    return this.cast(name, wantsHalf ? 'float16' : 'float');
  }

  /** Values between the two operations of a pair; other integers never meet a node that computes features. */
  private isInteger(node: OnnxNode, name: string): boolean {
    return node.op_type === 'DequantizeLinear' && node.input[0] === name;
  }

  private halfConstant(tensor: OnnxTensor, node: OnnxNode): string {
    const name = `${tensor.name}.half`;
    if (this.constants.has(name)) return name;
    const values = floatsOf(tensor)!;
    const isStep = node.op_type.endsWith('Linear') && node.input[1] === tensor.name;
    const bits = Uint16Array.from(values, (value) => {
      const limited = Math.min(largest, Math.max(-largest, value));
      return toFloat16Bits(isStep ? Math.max(limited, smallestStep) : limited);
    });
    this.constants.set(name, {
      ...tensor,
      name,
      data_type: dataType.float16,
      raw_data: new Uint8Array(bits.buffer),
    });
    return name;
  }

  private cast(value: string, type: 'float' | 'float16'): string {
    const name = `${value}.${type}`;
    if (!this.converted.has(name)) {
      const to = { name: 'to', type: attributeType.int, i: dataType[type] };
      this.nodes.push({ name, op_type: 'Cast', input: [value], output: [name], attribute: [to] });
      this.converted.set(name, name);
    }
    return name;
  }
}
