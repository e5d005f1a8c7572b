import { attributeType, dataType, type OnnxGraph, type OnnxModel, type OnnxNode } from '@plumbline/runtime/onnx';
import { describe, expect, it } from 'vitest';
import { chooseNodes } from './choose-nodes.js';
import { foreignNodes } from './foreign-nodes.js';
import { GraphView } from './graph-view.js';
import { withNodeNames } from './node-names.js';

/** `name type inputs -> outputs`; a value that begins with `w` is a constant of shape [8, 8, 1, 1], with `W` [8, 8]. */
function graph(lines: readonly string[], outputs: readonly string[]): GraphView {
  const node = lines.map((line): OnnxNode => {
    const [left, right] = line.split(' -> ') as [string, string];
    const [name, op_type, ...input] = left.split(' ') as [string, string, ...string[]];
    return { name: name === '-' ? '' : name, op_type, input, output: right.split(' '), attribute: [] };
  });
  const constants = new Set(node.flatMap(({ input }) => input.filter((value) => /^w|^W/.test(value))));
  const initializer = [...constants].map((name) => ({
    name,
    dims: name.startsWith('W') ? [8, 8] : [name.startsWith('w1') ? 1 : 8, 8, 1, 1],
    data_type: dataType.float,
  }));
  const values = (names: readonly string[]) => names.map((name) => ({ name }));
  const made: OnnxGraph = { name: 'g', node, initializer, input: values(['x']), output: values(outputs) };
  return new GraphView({ ir_version: 9, opset_import: [{ domain: '', version: 17 }], graph: made }, 'g.onnx');
}

const names = (nodes: readonly OnnxNode[]) => nodes.map(({ name }) => name);

/** One stage with SiLU and a residual, then a box layer with a distribution over bins and a score layer. */
const oneStage = graph(
  [
    'stem Conv x w0 -> a',
    'sigmoid Sigmoid a -> b',
    'silu Mul a b -> c',
    'split Split c -> d e',
    'conv Conv d w2 -> f',
    'add Add f e -> g',
    'box Conv g w3 -> h',
    'bins Reshape h -> i',
    'softmax Softmax i -> j',
    'turn Transpose j -> k',
    'expectation Conv k w1 -> l',
    'score Conv g w4 -> m',
    'probability Sigmoid m -> n',
    'table Concat l n -> output0',
  ],
  ['output0'],
);

describe('foreignNodes', () => {
  it('takes the layers and what is between them, and leaves the last layers and everything behind them', () => {
    expect(names(foreignNodes(oneStage))).toEqual(['stem', 'sigmoid', 'silu', 'split', 'conv', 'add']);
  });

  it('goes on behind the layers of a proposal stage, whose boxes lead to the outputs on a path of their own', () => {
    const twoStage = graph(
      [
        'stem Conv x w0 -> a',
        'rpn Conv a w2 -> b',
        'objectness Conv b w3 -> c',
        'deltas Conv b w4 -> d',
        'proposals Concat c d -> e',
        'pool RoiAlign a e -> f',
        'fc Gemm f W1 -> g',
        'relu Relu g -> h',
        'offsets Gemm h W2 -> i',
        'scores Gemm h W3 -> j',
        'decode Add i e -> boxes',
        'softmax Softmax j -> out',
      ],
      ['boxes', 'out'],
    );
    expect(names(foreignNodes(twoStage))).toEqual(['stem', 'rpn', 'fc', 'relu']);
  });

  it('does not go back through sizes, which say nothing of numbers', () => {
    const sized = graph(
      ['stem Conv x w0 -> a', 'conv Conv a w2 -> b', 'size Shape b -> c', 'head Conv b w3 -> d', 'grid Add d c -> o'],
      ['o'],
    );
    expect(names(foreignNodes(sized))).toEqual(['stem', 'conv']);
  });

  it('goes back through what a graph inside a node takes from around it', () => {
    const view = graph(['stem Conv x w0 -> a', 'head Conv a w2 -> b', 'choice If c -> o'], ['o']);
    const inner: OnnxGraph = {
      name: 'then',
      node: [{ name: '', op_type: 'Identity', input: ['b'], output: ['own'], attribute: [] }],
      initializer: [],
      input: [],
      output: [{ name: 'own' }],
    };
    view.nodes[2]!.attribute.push({ name: 'then_branch', type: 5, g: inner });
    const again = new GraphView(view.model, 'g.onnx');
    expect([...again.readsOf(again.nodes[2]!)]).toEqual(['c', 'b']);
    expect(names(again.consumersOf('b'))).toEqual(['choice']);
    expect(names(foreignNodes(again))).toEqual(['stem']);
  });

  it('leaves products with other factors float, and a graph that is quantized already', () => {
    const scaled = graph(['a Gemm x W1 -> b', 'c Gemm b W2 -> d', 'e Gemm d W3 -> o'], ['o']);
    scaled.nodes[1]!.attribute.push({ name: 'alpha', type: attributeType.float, f: 0.5 });
    expect(names(foreignNodes(scaled))).toEqual(['a']);
    const quantized = graph(['q QuantizeLinear x s -> a', 'c Conv a w0 -> b', 'e Conv b w2 -> o'], ['o']);
    expect(foreignNodes(quantized)).toEqual([]);
  });
});

describe('chooseNodes', () => {
  it('searches both patterns in names and operators', () => {
    expect(names(chooseNodes(oneStage, { exclude: /^(Add|Mul)$|split/ }))).toEqual(['stem', 'sigmoid', 'conv']);
    expect(names(chooseNodes(oneStage, { include: /^Conv$/, exclude: /box|score|expectation/ }))).toEqual([
      'stem',
      'conv',
    ]);
  });
});

describe('withNodeNames', () => {
  it('names nodes after what they return where they have no name or that of another', () => {
    const { model } = graph(['- Relu x -> a', 'a Relu a -> b', 'same Relu b -> c', 'same Relu c -> d'], ['d']);
    const named: OnnxModel = withNodeNames(model);
    expect(names(named.graph.node)).toEqual(['a', 'b', 'same', 'd']);
  });
});
