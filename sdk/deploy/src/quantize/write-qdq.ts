import {
  attributeType,
  dataType,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
} from '@plumbline/runtime/onnx';
import { sizesOf } from '../tensor-values.js';
import type { GraphView } from './graph-view.js';
import type { QdqPlan } from './qdq-plan.js';
import type { Range } from './range-collectors.js';
import { fitBias, type QuantParams, quantizeBias, quantizeWeight, scaleOfRange, scalesOfWeight } from './scales.js';

/**
 * The graph with QuantizeLinear and DequantizeLinear around everything that the plan names; ONNX Runtime and TensorRT
 * compute what lies between such pairs in integers. Names follow ONNX Runtime's quantizer.
 * @param ranges of the values that `valuesToMeasure` names
 * @throws {PlumblineError} PLB_DEPLOY_WEIGHTS_INVALID
 */
export function writeQdq(view: GraphView, plan: QdqPlan, ranges: ReadonlyMap<string, Range>): OnnxModel {
  return new QdqWriter(view, plan, ranges).write();
}

class QdqWriter {
  private readonly nodes: OnnxNode[] = [];
  private readonly initializers = new Map<string, OnnxTensor>();
  /** Name under which readers of a value find it now. */
  private readonly readAs = new Map<string, string>();
  private readonly activationParams = new Map<string, QuantParams>();

  constructor(
    private readonly view: GraphView,
    private readonly plan: QdqPlan,
    private readonly ranges: ReadonlyMap<string, Range>,
  ) {}

  write(): OnnxModel {
    const { view, plan } = this;
    const { model } = view;
    for (const tensor of model.graph.initializer) this.initializers.set(tensor.name, tensor);
    for (const [node, { weight, axis, bias }] of plan.weighted) this.quantizeParameters(node, weight, axis, bias);
    for (const { name } of model.graph.input) if (plan.values.has(name)) this.quantizeValue(name);
    const folded = new Set(plan.foldedActivations.values());
    for (const node of view.nodes) {
      if (folded.has(node.output[0]!)) continue;
      const output = node.output.map((name) => plan.foldedActivations.get(name) ?? name);
      const quantized = output.filter((name) => plan.values.has(name));
      const written = output.map((name) =>
        plan.values.has(name) && view.isOutput(name) ? `${name}_QuantizeLinear_Input` : name,
      );
      this.nodes.push({ ...node, input: this.inputsOf(node), output: written });
      for (const name of quantized) this.quantizeValue(name);
    }
    // A constant may be an output of the graph itself.
    const used = new Set([
      ...this.nodes.flatMap((node) => [...view.readsOf(node)]),
      ...model.graph.output.map(({ name }) => name),
    ]);
    const initializer = [...this.initializers.values()].filter(({ name }) => used.has(name));
    return { ...model, graph: { ...model.graph, node: this.nodes, initializer, value_info: [] } };
  }

  private inputsOf(node: OnnxNode): string[] {
    const bias = this.readAs.get(biasKey(node));
    return node.input.map((name, i) => (i === 2 && bias ? bias : (this.readAs.get(name) ?? name)));
  }

  private quantizeParameters(node: OnnxNode, weight: OnnxTensor, axis: number, bias: OnnxTensor | undefined): void {
    const { view, plan } = this;
    const { settings } = plan;
    const dims = sizesOf(weight);
    const values = view.floats(weight, node);
    const along = settings.isPerChannel && dims.length > 1 ? axis : undefined;
    let params = scalesOfWeight(values, dims, along, settings.weight);
    const input = this.paramsOf(node.input[0]!).scale[0]!;
    const biasValues = bias && settings.hasIntegerBias ? view.floats(bias, node) : undefined;
    if (biasValues) params = { ...params, scale: fitBias(params.scale, input, biasValues) };
    // A weight that several nodes read is quantized for the first of them.
    if (!this.readAs.has(weight.name)) this.writeWeight(weight, values, dims, along, params);
    if (!bias || !biasValues) return;
    const { integers, scale } = quantizeBias(biasValues, input, params.scale);
    // The steps of a bias follow from its node's input, so that nodes that share a bias get one each.
    const isShared = view.consumersOf(bias.name).length > 1;
    const name = isShared ? `${node.name}.own_bias` : bias.name;
    const zeroPoint = new Int32Array(scale.length);
    const channels = scale.length > 1 ? [scale.length] : [];
    this.constant(`${name}_quantized`, 'int32', sizesOf(bias), integers);
    this.constant(`${name}_quantized_scale`, 'float', channels, scale);
    this.constant(`${name}_quantized_zero_point`, 'int32', channels, zeroPoint);
    const inputs = ['', '_scale', '_zero_point'].map((part) => `${name}_quantized${part}`);
    const output = isShared ? `${name}_DequantizeLinear_Output` : name;
    // Without its float initializer the bias' own name is free for the dequantized one.
    if (!isShared) this.initializers.delete(name);
    this.linear('DequantizeLinear', `${name}_DequantizeLinear`, inputs, output, channels.length > 0 ? 0 : undefined);
    this.readAs.set(biasKey(node), output);
  }

  private writeWeight(
    weight: OnnxTensor,
    values: Float32Array,
    dims: readonly number[],
    axis: number | undefined,
    params: QuantParams,
  ): void {
    const { name } = weight;
    this.params(name, params, axis === undefined ? [] : [dims[axis]!]);
    let integers = `${name}_quantized`;
    if (this.plan.settings.hasWeightPairs) {
      integers = `${name}_QuantizeLinear_Output`;
      this.linear(
        'QuantizeLinear',
        `${name}_QuantizeLinear`,
        [name, `${name}_scale`, `${name}_zero_point`],
        integers,
        axis,
      );
    } else this.constant(integers, params.type, dims, quantizeWeight(values, dims, axis, params));
    const output = `${name}_DequantizeLinear_Output`;
    const inputs = [integers, `${name}_scale`, `${name}_zero_point`];
    this.linear('DequantizeLinear', `${name}_DequantizeLinear`, inputs, output, axis);
    this.readAs.set(name, output);
  }

  /** Both operations behind a value; whoever read it reads their result from here on. */
  private quantizeValue(value: string): void {
    const owner = this.plan.values.get(value)!;
    this.params(owner, this.paramsOf(value), []);
    const isOutput = this.view.isOutput(value);
    const source = isOutput ? `${value}_QuantizeLinear_Input` : value;
    const integers = `${value}_QuantizeLinear_Output`;
    const result = isOutput ? value : `${value}_DequantizeLinear_Output`;
    const scale = [`${owner}_scale`, `${owner}_zero_point`];
    this.linear('QuantizeLinear', `${value}_QuantizeLinear`, [source, ...scale], integers);
    this.linear('DequantizeLinear', `${value}_DequantizeLinear`, [integers, ...scale], result);
    this.readAs.set(value, result);
  }

  private paramsOf(value: string): QuantParams {
    const { values, rangeOf, settings } = this.plan;
    const owner = values.get(value)!;
    const known = this.activationParams.get(owner);
    if (known) return known;
    const range = this.ranges.get(rangeOf.get(owner) ?? owner);
    if (!range) throw new Error(`no range was measured for ${owner}`);
    const { scale, zeroPoint } = scaleOfRange(range, settings.activation);
    const params: QuantParams = {
      scale: Float32Array.of(scale),
      zeroPoint: Int32Array.of(zeroPoint),
      type: settings.activation.type,
    };
    this.activationParams.set(owner, params);
    return params;
  }

  private params(name: string, { scale, zeroPoint, type }: QuantParams, dims: readonly number[]): void {
    if (this.initializers.has(`${name}_scale`)) return;
    this.constant(`${name}_scale`, 'float', dims, scale);
    this.constant(
      `${name}_zero_point`,
      type,
      dims,
      type === 'int8' ? Int8Array.from(zeroPoint) : Uint8Array.from(zeroPoint),
    );
  }

  private constant(
    name: string,
    type: 'float' | 'int8' | 'uint8' | 'int32',
    dims: readonly number[],
    values: Float32Array | Int8Array | Uint8Array | Int32Array,
  ): void {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.initializers.set(name, { name, dims: [...dims], data_type: dataType[type], raw_data: bytes });
  }

  private linear(type: string, name: string, input: string[], output: string, axis?: number): void {
    const attribute: OnnxAttribute[] = axis === undefined ? [] : [{ name: 'axis', type: attributeType.int, i: axis }];
    this.nodes.push({ name, op_type: type, input, output: [output], attribute });
  }
}

function biasKey(node: OnnxNode): string {
  return `bias of ${node.name}`;
}
