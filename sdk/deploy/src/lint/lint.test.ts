import { type Finding, lintForTensorrt, lintRules, type TensorrtVersion } from '@plumbline/deploy/lint';
import {
  attributeType,
  type DataType,
  dataType,
  decodeModel,
  encodeModel,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxTensor,
} from '@plumbline/runtime/onnx';
import { describe, expect, it } from 'vitest';

type Attributes = Readonly<Record<string, number | string | readonly number[] | OnnxTensor>>;
/** `type in,in -> out,out`, `domain:type` for another domain; the node is named after its first output. */
type NodeText = string | readonly [text: string, attributes: Attributes];
type Value = readonly [type: DataType | number, dims: readonly (number | string)[]];

interface Graph {
  readonly nodes: readonly NodeText[];
  readonly opset?: number;
  readonly inputs?: Readonly<Record<string, Value>>;
  readonly outputs?: Readonly<Record<string, Value>>;
  readonly constants?: readonly OnnxTensor[];
  readonly functions?: readonly string[];
}

const code = (type: DataType | number) => (typeof type === 'number' ? type : dataType[type]);

/** A constant of float, int64, int32, int8 or uint8. */
function constant(name: string, type: DataType, values: readonly number[], dims = [values.length]): OnnxTensor {
  const arrays = { float: Float32Array, int32: Int32Array, int8: Int8Array, uint8: Uint8Array, double: Float64Array };
  const array =
    type === 'int64'
      ? BigInt64Array.from(values, BigInt)
      : type === 'float16'
        ? Uint16Array.from(values)
        : arrays[type as keyof typeof arrays].from(values);
  return { name, dims, data_type: dataType[type], raw_data: new Uint8Array(array.buffer) };
}

function attribute([name, value]: [string, Attributes[string]]): OnnxAttribute {
  if (typeof value === 'number') return { name, type: attributeType.int, i: value };
  if (typeof value === 'string') return { name, type: attributeType.string, s: Buffer.from(value) };
  if ('data_type' in value) return { name, type: attributeType.tensor, t: value };
  return { name, type: attributeType.ints, ints: [...value] };
}

function model({ nodes, opset = 17, inputs, outputs = {}, constants = [], functions = [] }: Graph): OnnxModel {
  const values = (record: Readonly<Record<string, Value>>) =>
    Object.entries(record).map(([name, [type, dims]]) => {
      const dim = dims.map((side) => (typeof side === 'number' ? { dim_value: side } : { dim_param: side }));
      return { name, type: { tensor_type: { elem_type: code(type), shape: { dim } } } };
    });
  return {
    ir_version: 8,
    opset_import: [{ domain: '', version: opset }],
    functions: functions.map((name) => ({ name })),
    graph: {
      name: 'g',
      initializer: [...constants],
      input: values(inputs ?? { x: ['float', [1, 3, 8, 8]] }),
      output: values(outputs),
      node: nodes.map((entry) => {
        const [text, attributes] = typeof entry === 'string' ? [entry, {}] : entry;
        const [head, tail] = text.split(' -> ') as [string, string];
        const [type, input = ''] = head.split(' ') as [string, string?];
        const [domain, op_type] = type.includes(':') ? (type.split(':') as [string, string]) : ['', type];
        const output = tail.split(',');
        return {
          name: output[0]!,
          op_type,
          ...(domain ? { domain } : {}),
          input: input ? input.split(',') : [],
          output,
          attribute: Object.entries(attributes).map(attribute),
        };
      }),
    },
  };
}

const scale = constant('s', 'float', [0.5], []);
const zero = constant('z', 'int8', [0], []);
const weight = constant('w', 'float', new Array(36).fill(0.1), [4, 9, 1, 1]);
const channels = [constant('ws', 'float', [1, 1, 1, 1]), constant('wz', 'int8', [0, 0, 0, 0])];
const k = (value: number) => constant('k', 'int64', [value]);
const pairOf = (value: string) => [
  `QuantizeLinear ${value},s,z -> ${value}.q`,
  `DequantizeLinear ${value}.q,s,z -> ${value}.dq`,
];
const pair = { constants: [scale, zero], nodes: [...pairOf('x'), 'Relu x.dq -> y'] };
/** {@link pair} with another scale `s` or zero point `z`. */
const withConstants = (...constants: OnnxTensor[]): Graph => ({ ...pair, constants });
const residual = (quantized: string, other: string): Graph => ({
  constants: [scale, zero, weight],
  nodes: ['Conv x,w -> layer', 'Relu x -> skip', ...pairOf(quantized), `Add ${quantized}.dq,${other} -> sum`],
});

interface Case {
  readonly rule: string;
  readonly version?: TensorrtVersion;
  readonly route?: 'engine' | 'onnxruntime';
  readonly bad: Graph;
  /** Nodes or values that the rule names, in order. */
  readonly at: readonly string[];
  readonly good: Graph;
  /** Version that the good graph is linted for; that of the bad one when absent. */
  readonly goodVersion?: TensorrtVersion;
}

const relu = { nodes: ['Relu x -> y'] };
const open: Graph = { nodes: ['Relu x -> y'], inputs: { x: ['float', [1, 3, 'height', 'width']] } };
const sizes = (...nodes: NodeText[]): Graph => ({ nodes: [...nodes, ['Resize x,,,n -> y', { mode: 'nearest' }]] });

const cases: readonly Case[] = [
  { rule: 'opset', version: '8.6', bad: { ...relu, opset: 18 }, at: [''], good: relu },
  { rule: 'opset', bad: { ...relu, opset: 21 }, at: [''], good: { ...relu, opset: 20 } },
  { rule: 'opset', version: '10.15', bad: { ...relu, opset: 8 }, at: [''], good: { ...relu, opset: 24 } },
  { rule: 'operator', bad: { nodes: ['Compress x -> c', 'Relu c -> y'] }, at: ['c'], good: relu },
  {
    rule: 'operator',
    version: '8.6',
    bad: { nodes: ['Mish x -> y'] },
    at: ['y'],
    good: { nodes: ['Mish x -> y'] },
    goodVersion: '10.3',
  },
  {
    rule: 'operator',
    version: '10.15',
    bad: { nodes: ['Swish x -> y'] },
    at: ['y'],
    good: { nodes: ['Swish x -> y'] },
    goodVersion: '11.0',
  },
  {
    rule: 'operator',
    version: '8.6',
    bad: { nodes: ['Own x -> y'], functions: ['Own'] },
    at: ['y'],
    good: { nodes: ['Own x -> y'], functions: ['Own'] },
    goodVersion: '10.3',
  },
  {
    rule: 'domain',
    bad: { nodes: ['com.microsoft:FusedConv x -> y'] },
    at: ['y'],
    good: { nodes: ['ai.onnx:Relu x -> y'] },
  },
  {
    rule: 'domain-ignored',
    bad: { nodes: ['com.microsoft:Gelu x -> y'] },
    at: ['y'],
    good: { nodes: ['Gelu x -> y'] },
  },
  {
    rule: 'plugin',
    bad: { nodes: ['EfficientNMS_ONNX_TRT x -> y'] },
    at: ['y'],
    good: { nodes: ['EfficientNMS_ONNX_TRT x -> y'] },
    goodVersion: '11.0',
  },
  {
    rule: 'control-flow',
    bad: { nodes: ['Loop x -> a', 'If x -> b', 'Scan x -> c'] },
    at: ['a', 'b', 'c'],
    good: relu,
  },
  {
    rule: 'constant-input',
    bad: { nodes: ['ReduceSum x,axes -> y'] },
    at: ['y'],
    good: { nodes: ['ReduceSum x,k -> y'], constants: [k(1)] },
  },
  {
    rule: 'constant-input',
    version: '8.6',
    bad: { nodes: ['Slice x,k,k,axes -> y'], constants: [k(1)] },
    at: ['y'],
    good: { nodes: ['Slice x,k,k,axes -> y'], constants: [k(1)] },
    goodVersion: '10.3',
  },
  {
    rule: 'constant-input',
    bad: { nodes: ['Unsqueeze x,a -> y'] },
    at: ['y'],
    good: { nodes: ['Shape x -> a', 'Unsqueeze x,a -> y'] },
  },
  {
    rule: 'resize-coordinates',
    bad: { nodes: [['Resize x,,k -> y', { coordinate_transformation_mode: 'half_pixel_symmetric' }]] },
    at: ['y'],
    good: { nodes: [['Resize x,,k -> y', { coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }]] },
  },
  {
    rule: 'resize-coordinates',
    bad: {
      nodes: [['Resize x,,k -> y', { coordinate_transformation_mode: 'tf_half_pixel_for_nn', nearest_mode: 'ceil' }]],
    },
    at: ['y'],
    good: { nodes: ['Resize x,,k -> y'] },
  },
  {
    rule: 'resize-options',
    bad: {
      nodes: [
        ['Resize x,,k -> a', { antialias: 1 }],
        ['Resize x,,k -> b', { keep_aspect_ratio_policy: 'not_larger' }],
      ],
    },
    at: ['a', 'b'],
    good: { nodes: [['Resize x,,k -> y', { antialias: 0 }]] },
  },
  {
    rule: 'resize-cubic',
    bad: { nodes: [['Resize x,,k -> y', { mode: 'cubic' }]] },
    at: ['y'],
    good: { nodes: [['Resize x,,k -> y', { mode: 'linear' }]] },
  },
  {
    rule: 'pool',
    bad: { nodes: ['MaxPool x -> a,indices', ['AveragePool x -> b', { dilations: [2, 2] }]] },
    at: ['a', 'b'],
    good: { nodes: [['MaxPool x -> y', { dilations: [1, 1] }]] },
  },
  {
    rule: 'training-mode',
    bad: { nodes: [['BatchNormalization x -> y', { training_mode: 1 }]] },
    at: ['y'],
    good: { nodes: ['BatchNormalization x -> y'] },
  },
  {
    rule: 'scatter-reduction',
    bad: { nodes: [['ScatterND x,i,u -> y', { reduction: 'none' }]] },
    at: ['y'],
    good: { nodes: ['ScatterND x,i,u -> y'] },
  },
  {
    rule: 'scatter-reduction',
    version: '11.0',
    bad: { nodes: [['ScatterND x,i,u -> y', { reduction: 'add' }]] },
    at: ['y'],
    good: { nodes: [['ScatterND x,i,u -> y', { reduction: 'none' }]] },
  },
  {
    rule: 'scatter-reduction-ignored',
    version: '8.6',
    bad: { nodes: [['ScatterND x,i,u -> y', { reduction: 'add' }]] },
    at: ['y'],
    good: { nodes: ['ScatterND x,i,u -> y'] },
  },
  {
    rule: 'constant-kind',
    bad: { nodes: [['Constant -> y', { value_string: 'text' }]] },
    at: ['y'],
    good: { nodes: [['Constant -> y', { value: k(1) }]] },
  },
  {
    rule: 'extra-output',
    bad: { nodes: ['LayerNormalization x -> y,mean'] },
    at: ['y'],
    good: { nodes: ['LayerNormalization x -> y'] },
  },
  {
    rule: 'topk-k',
    bad: { nodes: ['TopK x,k -> y,i'], constants: [k(3840)] },
    at: ['y'],
    good: { nodes: ['TopK x,k -> y,i'], constants: [k(3839)] },
  },
  {
    rule: 'topk-k',
    bad: {
      nodes: [
        ['Constant -> k', { value: { name: '', dims: [1], data_type: dataType.int64, int64_data: [4000] } }],
        'TopK x,k -> y,i',
      ],
    },
    at: ['y'],
    good: relu,
  },
  {
    rule: 'topk-dynamic-k',
    bad: { nodes: ['Shape x -> k', 'TopK x,k -> y,i'] },
    at: ['y'],
    good: { nodes: ['TopK x,k -> y,i'], constants: [k(5)] },
  },
  {
    rule: 'topk-sorted',
    bad: { nodes: [['TopK x,k -> y,i', { sorted: 0 }]], constants: [k(5)] },
    at: ['y'],
    good: { nodes: ['TopK x,k -> y,i'], constants: [k(5)] },
  },
  {
    rule: 'roialign-sampling',
    bad: { nodes: ['RoiAlign x,r,b -> y'] },
    at: ['y'],
    good: { nodes: [['RoiAlign x,r,b -> y', { sampling_ratio: 2 }]] },
  },
  {
    rule: 'roialign-opset',
    bad: { nodes: ['RoiAlign x,r,b -> y'], opset: 13 },
    at: ['y'],
    good: { nodes: ['RoiAlign x,r,b -> y'], opset: 16 },
  },
  {
    rule: 'nms-slow',
    bad: { nodes: ['NonMaxSuppression b,s -> y'] },
    at: ['y'],
    good: { nodes: ['NonMaxSuppression b,s -> y'] },
    goodVersion: '10.15',
  },
  {
    rule: 'mod-float',
    bad: { nodes: ['Relu x -> r', 'Mod r,r -> y'] },
    at: ['y'],
    good: { nodes: [['Mod x,x -> y', { fmod: 1 }], 'TopK x,k -> v,i', 'Mod i,k -> z'], constants: [k(3)] },
  },
  { rule: 'symbolic-input', bad: open, at: ['x'], good: relu },
  { rule: 'symbolic-input-profile', route: 'onnxruntime', bad: open, at: ['x'], good: relu },
  {
    rule: 'symbolic-output',
    bad: { ...relu, outputs: { y: ['float', ['n', 4]] } },
    at: ['y'],
    good: { ...relu, outputs: { y: ['float', [100, 4]] } },
  },
  {
    rule: 'data-dependent-size',
    bad: { nodes: ['NonZero x -> a', 'NonMaxSuppression x,x -> b'] },
    at: ['a', 'b'],
    good: relu,
  },
  {
    rule: 'excluded-by-default',
    route: 'onnxruntime',
    bad: { nodes: ['NonZero x -> a', 'RoiAlign x,r,b -> y'] },
    at: ['a', 'y'],
    good: relu,
  },
  {
    rule: 'data-dependent-shape',
    bad: { nodes: ['ReduceMax x -> n', 'Reshape x,n -> y'] },
    at: ['y'],
    good: { nodes: ['Shape x -> n', 'Mul n,k -> m', 'Reshape x,m -> y'], constants: [k(1)] },
  },
  {
    rule: 'resize-sizes',
    bad: sizes('Shape x -> n'),
    at: ['y'],
    good: sizes(['Constant -> n', { value: constant('n', 'int64', [1, 3, 8, 8]) }]),
  },
  {
    rule: 'type',
    bad: { nodes: ['Relu x -> y', ['Cast x -> c', { to: 8 }]], inputs: { x: ['float', [1]], u: [4, [1]] } },
    at: ['u', 'c'],
    good: relu,
  },
  {
    rule: 'type',
    version: '8.6',
    bad: { nodes: [['Cast x -> y', { to: 16 }]] },
    at: ['y'],
    good: { nodes: [['Cast x -> y', { to: 16 }]] },
    goodVersion: '10.3',
  },
  {
    rule: 'double',
    bad: { nodes: [['Cast x -> y', { to: dataType.double }]], constants: [constant('d', 'double', [1])] },
    at: ['d', 'y'],
    good: { nodes: [['Cast x -> y', { to: dataType.float }]] },
  },
  {
    rule: 'int64-range',
    version: '8.6',
    bad: { ...relu, constants: [k(2 ** 31)] },
    at: ['k'],
    good: { ...relu, constants: [k(2 ** 31 - 1)] },
  },
  {
    rule: 'int64-binding',
    version: '8.6',
    bad: { ...relu, outputs: { y: ['int64', [1]] } },
    at: ['y'],
    good: { ...relu, outputs: { y: ['int64', [1]] } },
    goodVersion: '10.3',
  },
  {
    rule: 'uint8-input',
    bad: {
      nodes: ['Transpose x -> y'],
      inputs: { x: ['uint8', [1, 8, 8, 3]] },
      outputs: { y: ['uint8', [1, 3, 8, 8]] },
    },
    at: ['y'],
    good: { nodes: [['Cast x -> y', { to: dataType.float }], 'Shape x -> n'], inputs: { x: ['uint8', [1, 8, 8, 3]] } },
  },
  {
    rule: 'uint8-inside',
    bad: { nodes: [['Cast x -> c', { to: dataType.uint8 }], 'Cast c -> y'] },
    at: ['c'],
    good: { nodes: [['Cast x -> y', { to: dataType.uint8 }]], outputs: { y: ['uint8', [1]] } },
  },
  { rule: 'qdq-uint8', bad: withConstants(scale, constant('z', 'uint8', [0], [])), at: ['x.q', 'x.dq'], good: pair },
  {
    rule: 'qdq-zero-point',
    bad: withConstants(scale, constant('z', 'int8', [3], [])),
    at: ['x.q', 'x.dq'],
    good: pair,
  },
  {
    rule: 'qdq-no-zero-point',
    version: '8.6',
    bad: { constants: [scale], nodes: ['QuantizeLinear x,s -> q', 'DequantizeLinear q,s -> y'] },
    at: ['q', 'y'],
    good: pair,
  },
  {
    rule: 'qdq-implied-int8',
    bad: { constants: [scale], nodes: ['QuantizeLinear x,s -> q', 'DequantizeLinear q,s -> y'] },
    at: ['q'],
    good: pair,
  },
  {
    rule: 'qdq-int32',
    bad: {
      constants: [scale, constant('b', 'int32', [1])],
      nodes: ['DequantizeLinear b,s -> bias', 'Add x,bias -> y'],
    },
    at: ['bias'],
    good: pair,
  },
  {
    rule: 'qdq-int32',
    route: 'onnxruntime',
    bad: {
      constants: [scale, constant('b', 'int32', [1])],
      nodes: ['DequantizeLinear b,s -> bias', 'Add x,bias -> y', 'Add y,bias -> z'],
    },
    at: ['bias'],
    good: {
      constants: [scale, constant('b', 'int32', [1])],
      nodes: ['DequantizeLinear b,s -> bias', 'Add x,bias -> y'],
    },
  },
  { rule: 'qdq-scale', bad: withConstants(constant('s', 'float', [0], []), zero), at: ['x.q', 'x.dq'], good: pair },
  {
    rule: 'qdq-scale',
    bad: withConstants(constant('s', 'float', [Number.NaN], []), zero),
    at: ['x.q', 'x.dq'],
    good: pair,
  },
  { rule: 'qdq-computed-scale', bad: withConstants(zero), at: ['x.q', 'x.dq'], good: pair },
  {
    rule: 'qdq-half-scale',
    bad: withConstants(constant('s', 'float16', [0x3800], []), zero),
    at: ['x.q', 'x.dq'],
    good: { ...withConstants(constant('s', 'float16', [0x3800], []), zero), opset: 19 },
  },
  {
    rule: 'qdq-half-scale',
    version: '8.6',
    bad: withConstants(constant('s', 'float16', [0x3800], []), zero),
    at: ['x.q', 'x.dq'],
    good: pair,
  },
  {
    rule: 'qdq-channel-activation',
    bad: { constants: channels, nodes: ['QuantizeLinear x,ws,wz -> q', 'DequantizeLinear q,ws,wz -> y'] },
    at: ['q'],
    good: { constants: [weight, ...channels], nodes: ['QuantizeLinear w,ws,wz -> q', 'DequantizeLinear q,ws,wz -> y'] },
  },
  {
    rule: 'qdq-tensor-weight',
    bad: { constants: [weight, scale, zero], nodes: [...pairOf('w'), 'Conv x,w.dq -> y'] },
    at: ['y'],
    good: {
      constants: [weight, ...channels],
      nodes: ['QuantizeLinear w,ws,wz -> q', 'DequantizeLinear q,ws,wz -> d', 'Conv x,d -> y'],
    },
  },
  {
    rule: 'qdq-pair',
    bad: {
      constants: [scale, zero],
      nodes: ['QuantizeLinear x,s,z -> q', 'MaxPool q -> p', 'DequantizeLinear p,s,z -> y'],
    },
    at: ['q', 'y'],
    good: pair,
  },
  { rule: 'qdq-pair', bad: { constants: [scale, zero], nodes: ['QuantizeLinear x,s,z -> q'] }, at: ['q'], good: pair },
  { rule: 'qdq-residual', bad: residual('layer', 'skip'), at: ['sum'], good: residual('skip', 'layer') },
  {
    rule: 'qdq-float32-rest',
    bad: pair,
    at: [''],
    good: { ...withConstants(constant('s', 'float16', [0x3800], []), zero), opset: 19 },
  },
];

describe('lintForTensorrt', () => {
  const of = (rule: string, findings: readonly Finding[]) => findings.filter((finding) => finding.rule === rule);

  it.each(cases.map((entry) => [entry.rule, entry.version ?? '10.3', entry.route ?? 'engine', entry] as const))(
    'finds %s with TensorRT %s, route %s, where the graph breaks the rule and nowhere else',
    (rule, version, route, { bad, at, good, goodVersion }) => {
      const found = of(rule, lintForTensorrt(model(bad), version, { route }));
      expect(found.map(({ node }) => node)).toEqual(at);
      for (const { message, source, severity } of found) {
        expect(message.length, rule).toBeGreaterThan(20);
        expect(source).not.toBe('');
        expect(route === 'onnxruntime' && severity === 'refused').toBe(false);
      }
      expect(of(rule, lintForTensorrt(model(good), goodVersion ?? version, { route }))).toEqual([]);
    },
  );

  it('reads files as they are decoded: sides and types that say nothing, numbers outside of raw data, nodes without names', () => {
    const graph = model({
      nodes: [['Constant -> k', { value_ints: [5000] }], 'TopK x,k -> y,i', 'TopK x,n -> v,j'],
      constants: [{ name: 'n', dims: [1], data_type: dataType.int64, int64_data: [4000] }],
    });
    graph.graph.input[0]!.type!.tensor_type!.shape!.dim.push({});
    graph.graph.output.push({ name: 'y', type: {} }, { name: 'v', type: { tensor_type: { elem_type: 0 } } });
    for (const node of graph.graph.node) node.name = '';
    const findings = lintForTensorrt(decodeModel(encodeModel(graph), 'm.onnx'), '10.3');
    expect(findings.map(({ rule, node, message }) => [rule, node, message.split(/[:,]/)[0]])).toEqual([
      ['topk-k', 'y', 'K is 5000'],
      ['topk-k', 'v', 'K is 4000'],
      ['symbolic-input', 'x', 'size not fixed (side 4)'],
      ['symbolic-output', 'y', 'size not fixed (no shape)'],
      ['symbolic-output', 'v', 'size not fixed (no shape)'],
    ]);
  });

  it('has a case here for every rule, and every rule another id', () => {
    const ids = lintRules.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !cases.some(({ rule }) => rule === id))).toEqual([]);
  });

  it('lists the most severe first and places outside through ONNX Runtime what an engine refuses', () => {
    const graph = model({ nodes: ['NonZero x -> n', 'Compress x -> y'] });
    expect(lintForTensorrt(graph, '10.3').map(({ severity, rule }) => [severity, rule])).toEqual([
      ['refused', 'operator'],
      ['note', 'data-dependent-size'],
    ]);
    const [first] = lintForTensorrt(graph, '10.3', { route: 'onnxruntime' });
    expect(first).toMatchObject({ severity: 'outside', rule: 'operator', node: 'y', op: 'Compress' });
  });

  it('finds nothing in a graph of supported operators with fixed sizes', () => {
    const graph = model({ nodes: ['Conv x,w -> c', 'Relu c -> y'], constants: [weight] });
    expect(lintForTensorrt(graph, '10.3')).toEqual([]);
  });
});
