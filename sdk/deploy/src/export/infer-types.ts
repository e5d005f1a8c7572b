import type { DataType } from '@plumbline/runtime/onnx';
import { windowSteps } from '../window.js';

/** A side that is known, one that has a name because it is known when the graph runs, or one that nothing is known of. */
export type Dim = number | string | undefined;

/** Element type and shape of a value. */
export interface ValueType {
  readonly type: DataType;
  readonly dims: readonly Dim[];
}

/** What one node is given. */
export interface NodeFacts {
  /** Undefined for an optional input that is absent. */
  readonly inputs: readonly (ValueType | undefined)[];
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Values of an input that is a constant of numbers; undefined for any other. */
  constant(input: number): readonly number[] | undefined;
  /** Values of an input that holds sides of shapes, as far as they are known; undefined for any other. */
  sides(input: number): readonly Dim[] | undefined;
}

type Rule = (node: NodeFacts, refuse: (problem: string) => Error) => ValueType[];

/**
 * Types of what a node returns, after the rules of the ONNX operators, opset 17 to 20.
 * @throws {Error} naming the node when its inputs do not fit: the graph that is being built is wrong
 */
export function inferOutputs(name: string, operator: string, node: NodeFacts): ValueType[] {
  const refuse = (problem: string) => {
    const given = node.inputs.map((input) => (input ? `${input.type} [${input.dims.map((d) => d ?? '?')}]` : 'absent'));
    return new Error(`${operator} ${name}: ${problem}; given ${given.join(', ')}`);
  };
  const rule = rules[operator];
  if (!rule) throw refuse('no rule for the types of its outputs');
  return rule(node, refuse);
}

/** Sides of shapes that a node returns, where it computes with such. */
export function inferSides(operator: string, node: NodeFacts): readonly Dim[] | undefined {
  switch (operator) {
    case 'Shape':
      return first(node).dims;
    case 'Gather': {
      const index = node.constant(1);
      return index && node.sides(0) && index.map((i) => node.sides(0)![i]);
    }
    case 'Concat': {
      if (first(node).dims.length !== 1 || first(node).type !== 'int64') return undefined;
      return node.inputs.flatMap((input, i) => node.sides(i) ?? unknowns(input!.dims[0]));
    }
    case 'Unsqueeze':
      return node.sides(0);
    default:
      return undefined;
  }
}

const first = ({ inputs }: NodeFacts) => inputs[0]!;
const same: Rule = (node) => [first(node)];
const arithmetic: Rule = (node, refuse) => [
  { type: oneType(node.inputs, refuse), dims: broadcast(node.inputs, refuse) },
];
const comparison: Rule = (node, refuse) => {
  oneType(node.inputs, refuse);
  return [{ type: 'bool', dims: broadcast(node.inputs, refuse) }];
};

const rules: Readonly<Record<string, Rule>> = {
  ...Object.fromEntries(['Relu', 'Sqrt', 'Exp', 'Floor', 'Clip', 'Softmax', 'Identity'].map((type) => [type, same])),
  ...Object.fromEntries(
    ['Add', 'Sub', 'Mul', 'Div', 'Mod', 'Min', 'Max', 'Sum', 'Mean'].map((type) => [type, arithmetic]),
  ),
  ...Object.fromEntries(['Less', 'Greater', 'Equal', 'GreaterOrEqual', 'And'].map((type) => [type, comparison])),
  InstanceNormalization: same,
  Where({ inputs }, refuse) {
    if (inputs[0]!.type !== 'bool') throw refuse('chooses by no bool');
    return [{ type: oneType(inputs.slice(1), refuse), dims: broadcast(inputs, refuse) }];
  },
  Cast: (node) => [{ type: node.attributes.to as DataType, dims: first(node).dims }],
  Shape: (node) => [{ type: 'int64', dims: [first(node).dims.length] }],
  NonZero: (node) => [{ type: 'int64', dims: [first(node).dims.length, undefined] }],
  NonMaxSuppression: () => [{ type: 'int64', dims: [undefined, 3] }],
  Range: (node) => [{ type: first(node).type, dims: [undefined] }],
  Conv: (node, refuse) => {
    const [x, weight] = node.inputs as [ValueType, ValueType];
    const [outputs, perGroup, ...kernel] = weight.dims as number[];
    const groups = number(node.attributes.group, 1);
    if (x.dims[1] !== undefined && x.dims[1] !== perGroup! * groups) throw refuse('channels do not fit the weight');
    return [{ type: x.type, dims: [x.dims[0], outputs, ...windowed(x.dims.slice(2), kernel, node)] }];
  },
  MaxPool: (node) => {
    const { type, dims } = first(node);
    return [
      { type, dims: [...dims.slice(0, 2), ...windowed(dims.slice(2), numbers(node.attributes.kernel_shape), node)] },
    ];
  },
  GlobalAveragePool: (node) => [{ type: first(node).type, dims: first(node).dims.map((dim, i) => (i < 2 ? dim : 1)) }],
  Gemm: ({ inputs, attributes }, refuse) => {
    const [x, weight] = inputs as [ValueType, ValueType];
    const [outputs, inner] = number(attributes.transB, 0) ? weight.dims : [...weight.dims].reverse();
    if (typeof x.dims[1] === 'number' && x.dims[1] !== inner) throw refuse('columns do not fit the weight');
    return [{ type: x.type, dims: [x.dims[0], outputs] }];
  },
  MatMul: ({ inputs }, refuse) => {
    const [a, b] = inputs as [ValueType, ValueType];
    if (a.dims.at(-1) !== b.dims.at(-2)) throw refuse('inner sides differ');
    const outer = broadcast(
      [a, b].map(({ type, dims }) => ({ type, dims: dims.slice(0, -2) })),
      refuse,
    );
    return [{ type: a.type, dims: [...outer, a.dims.at(-2), b.dims.at(-1)] }];
  },
  RoiAlign: ({ inputs, attributes }) => {
    const [maps, rois] = inputs as [ValueType, ValueType];
    const sides = [number(attributes.output_height, 1), number(attributes.output_width, 1)];
    return [{ type: maps.type, dims: [rois.dims[0], maps.dims[1], ...sides] }];
  },
  Resize: (node) => {
    const { type, dims } = first(node);
    const [scales, sizes] = [node.constant(2), node.sides(3)];
    return [{ type, dims: sizes ?? dims.map((dim, i) => scaled(dim, scales?.[i])) }];
  },
  Pad: (node) => {
    const { type, dims } = first(node);
    const pads = node.constant(1);
    return [{ type, dims: dims.map((dim, i) => grown(dim, pads && pads[i]! + pads[i + dims.length]!)) }];
  },
  Reshape: (node, refuse) => {
    const { type, dims } = first(node);
    const wanted = node.sides(1);
    if (!wanted) return [{ type, dims: unknowns(node.inputs[1]!.dims[0]) }];
    const sides: Dim[] = wanted.map((side, i) => (side === 0 ? dims[i] : side));
    const size = product(dims);
    const open = sides.indexOf(-1);
    if (open >= 0) {
      const rest = product(sides.filter((_, i) => i !== open));
      sides[open] = size !== undefined && rest ? size / rest : undefined;
      if (sides[open] !== undefined && !Number.isInteger(sides[open])) throw refuse(`does not fill [${wanted}]`);
    } else if (size !== undefined && product(sides) !== undefined && product(sides) !== size)
      throw refuse(`does not fill [${wanted}]`);
    return [{ type, dims: sides }];
  },
  Transpose: ({ inputs, attributes }) => {
    const { type, dims } = inputs[0]!;
    return [{ type, dims: numbers(attributes.perm).map((axis) => dims[axis]) }];
  },
  Unsqueeze: (node) => {
    const { type, dims } = first(node);
    const axes = new Set(node.constant(1));
    const rest = [...dims];
    return [
      { type, dims: Array.from({ length: dims.length + axes.size }, (_, i) => (axes.has(i) ? 1 : rest.shift())) },
    ];
  },
  Squeeze: (node) => {
    const axes = new Set(node.constant(1));
    return [{ type: first(node).type, dims: first(node).dims.filter((_, i) => !axes.has(i)) }];
  },
  Expand: (node) => {
    const target = node.sides(1) ?? unknowns(node.inputs[1]!.dims[0]);
    const { type, dims } = first(node);
    const rank = Math.max(target.length, dims.length);
    const at = (list: readonly Dim[], i: number) => (i < rank - list.length ? 1 : list[i - rank + list.length]);
    return [
      { type, dims: Array.from({ length: rank }, (_, i) => (at(target, i) === 1 ? at(dims, i) : at(target, i))) },
    ];
  },
  Concat: ({ inputs, attributes }, refuse) => {
    const axis = axisOf(attributes.axis, inputs[0]!);
    const sides = inputs.map((input) => input!.dims[axis]);
    const length = sides.every((side) => typeof side === 'number') ? sides.reduce((a, b) => a + b, 0) : undefined;
    const known = (i: number) => inputs.map((input) => input!.dims[i]).find((dim) => dim !== undefined);
    const dims = inputs[0]!.dims.map((_, i) => (i === axis ? length : known(i)));
    return [{ type: oneType(inputs, refuse), dims }];
  },
  Split: (node, refuse) => {
    const { type, dims } = first(node);
    const axis = axisOf(node.attributes.axis, first(node));
    const sizes = node.constant(1)!;
    const total = sizes.reduce((a, b) => a + b, 0);
    if (typeof dims[axis] === 'number' && dims[axis] !== total)
      throw refuse(`parts [${sizes}] do not fill axis ${axis}`);
    return sizes.map((size) => ({ type, dims: dims.map((dim, i) => (i === axis ? size : dim)) }));
  },
  Slice: (node) => {
    const { type, dims } = first(node);
    const [starts, ends, axes] = [1, 2, 3].map((input) => node.constant(input)) as [number[], number[], number[]];
    const cut = (dim: Dim, i: number) => {
      const k = axes.indexOf(i);
      if (k < 0) return dim;
      return typeof dim === 'number' ? Math.min(ends[k]!, dim) - starts[k]! : undefined;
    };
    return [{ type, dims: dims.map(cut) }];
  },
  Gather: ({ inputs, attributes }) => {
    const [data, indices] = inputs as [ValueType, ValueType];
    const axis = axisOf(attributes.axis ?? 0, data);
    return [{ type: data.type, dims: [...data.dims.slice(0, axis), ...indices.dims, ...data.dims.slice(axis + 1)] }];
  },
  GatherND: ({ inputs, attributes }, refuse) => {
    const [data, indices] = inputs as [ValueType, ValueType];
    const depth = indices.dims.at(-1);
    if (typeof depth !== 'number') throw refuse('how many axes an index names is unknown');
    const from = number(attributes.batch_dims, 0) + depth;
    return [{ type: data.type, dims: [...indices.dims.slice(0, -1), ...data.dims.slice(from)] }];
  },
  ScatterND: same,
  TopK: (node) => {
    const { type, dims } = first(node);
    const axis = axisOf(node.attributes.axis, first(node));
    const found = dims.map((dim, i) => (i === axis ? node.constant(1)?.[0] : dim));
    return [
      { type, dims: found },
      { type: 'int64', dims: found },
    ];
  },
  ...Object.fromEntries(['ReduceMax', 'ReduceSum', 'ArgMax'].map((type) => [type, reduced])),
};

/** Axes stand in an attribute or in the second input; without any all go. */
function reduced(node: NodeFacts): ValueType[] {
  const { type, dims } = first(node);
  const { axis } = node.attributes;
  const axes = axis === undefined ? (node.constant(1) ?? numbers(node.attributes.axes)) : [number(axis, 0)];
  const isGone = (i: number) => axes.length === 0 || axes.includes(i);
  const kept = number(node.attributes.keepdims, 1) === 1;
  const sides = kept ? dims.map((dim, i) => (isGone(i) ? 1 : dim)) : dims.filter((_, i) => !isGone(i));
  return [{ type: axis === undefined ? type : 'int64', dims: sides }];
}

function oneType(inputs: NodeFacts['inputs'], refuse: (problem: string) => Error): DataType {
  const types = new Set(inputs.map((input) => input!.type));
  if (types.size !== 1) throw refuse('types differ');
  return inputs[0]!.type;
}

/** Source: ONNX, "Broadcasting in ONNX", multidirectional. */
function broadcast(inputs: NodeFacts['inputs'], refuse: (problem: string) => Error): Dim[] {
  const rank = Math.max(...inputs.map((input) => input!.dims.length));
  return Array.from({ length: rank }, (_, i) => {
    const sides = inputs.map(({ dims }: ValueType | undefined = { type: 'bool', dims: [] }) =>
      i < rank - dims.length ? 1 : dims[i - rank + dims.length],
    );
    const known = [...new Set(sides.filter((side) => typeof side === 'number' && side !== 1))];
    if (known.length > 1) throw refuse('sides do not fit one another');
    if (known.length === 1) return known[0];
    const open = [...new Set(sides.filter((side) => side !== 1))];
    return open.length === 0 ? 1 : open.length === 1 ? open[0] : undefined;
  });
}

function windowed(sides: readonly Dim[], kernel: readonly number[], { attributes }: NodeFacts): Dim[] {
  const [pads, strides, dilations] = [attributes.pads, attributes.strides, attributes.dilations].map(numbers);
  const window = { kernel, pads: pads!, strides: strides!, dilations: dilations!, isCeil: attributes.ceil_mode === 1 };
  return sides.map((side, axis) => (typeof side === 'number' ? windowSteps(side, axis, window) : undefined));
}

function scaled(dim: Dim, factor: number | undefined): Dim {
  if (factor === 1) return dim;
  return typeof dim === 'number' && factor !== undefined ? Math.floor(dim * factor) : undefined;
}

function grown(dim: Dim, by: number | undefined): Dim {
  if (by === 0) return dim;
  return typeof dim === 'number' && by !== undefined ? dim + by : undefined;
}

function product(dims: readonly Dim[]): number | undefined {
  return dims.every((dim) => typeof dim === 'number') ? dims.reduce((size, dim) => size * dim, 1) : undefined;
}

function unknowns(rank: Dim): Dim[] {
  return new Array<Dim>(typeof rank === 'number' ? rank : 0).fill(undefined);
}

function axisOf(axis: unknown, { dims }: ValueType): number {
  const given = number(axis, -1);
  return given < 0 ? given + dims.length : given;
}

function number(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}

function numbers(value: unknown): readonly number[] {
  return Array.isArray(value) ? value : [];
}
