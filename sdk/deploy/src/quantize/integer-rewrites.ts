/**
 * Other operators for the same integers, where ONNX Runtime's processor kernels are slow. Shapes: C channels, h x w cells.
 * Each rewrite is left out where the graph does not say what it needs to know.
 */
import {
  attributeType,
  dataType,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
} from '@plumbline/runtime/onnx';
import { sizesOf } from '../tensor-values.js';
import { intAttribute, intsAttribute, stringAttribute } from './graph-view.js';
import { inferMapShapes, type MapShape } from './map-shapes.js';

/**
 * The first convolution over blocks of 2 x 2 pixels, the upsampling by copies, and feature maps that several stages pool
 * from turned into floats once. Measured on the narrow detector at 512 x 512 (2 cores, AVX-512 VNNI): 3.5 ms become 2.1,
 * 1.3 become 0.3 and 23.1 become 22.6 of a frame; every result stays the same.
 * @param float the model before quantization
 * @param quantized the same with QuantizeLinear and DequantizeLinear
 */
export function rewriteIntegers(float: OnnxModel, quantized: OnnxModel): OnnxModel {
  const shapes = inferMapShapes(float.graph);
  let { graph } = quantized;
  graph = upsampleByCopies(graph, shapes);
  graph = convolveBlocks(graph, shapes);
  graph = shareFloatMaps(graph);
  return { ...quantized, graph };
}

type Shapes = ReadonlyMap<string, MapShape>;

/**
 * Nearest upsampling by 2 as two concatenations of the integers with themselves, channels last: whole rows are copied, and
 * the transpositions cancel with those around ONNX Runtime's integer convolutions.
 */
function upsampleByCopies(graph: OnnxGraph, shapes: Shapes): OnnxGraph {
  const producers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
  const initializer = [...graph.initializer];
  const gone = new Set<OnnxNode>();
  const replaced = new Map<OnnxNode, OnnxNode[]>();
  for (const node of graph.node) {
    if (!isNearestUpsampling(node)) continue;
    const source = producers.get(node.input[0]!);
    const readers = graph.node.filter((other) => other.input.includes(node.output[0]!));
    const quantize = readers[0];
    const shape = shapes.get(node.output[0]!);
    if (source?.op_type !== 'DequantizeLinear' || readers.length !== 1 || quantize?.op_type !== 'QuantizeLinear')
      continue;
    const hasSameScale = source.input[1] === quantize.input[1] && source.input[2] === quantize.input[2];
    if (!hasSameScale || !shape) continue;
    const [, channels, height, width] = shape;
    if (height % 2 !== 0 || width % 2 !== 0) continue;
    const [h, w] = [height / 2, width / 2];
    const { name } = node;
    const part = (suffix: string, type: string, input: string[], attribute: OnnxAttribute[] = [], output?: string) =>
      ({
        name: `${name}.${suffix}`,
        op_type: type,
        input,
        output: [output ?? `${name}.${suffix}`],
        attribute,
      }) as OnnxNode;
    const reshape = (suffix: string, input: string, dims: readonly number[]) => {
      initializer.push(int64Tensor(`${name}.${suffix}.dims`, dims));
      return part(suffix, 'Reshape', [input, `${name}.${suffix}.dims`]);
    };
    const twice = (suffix: string, input: string, axis: number) =>
      part(suffix, 'Concat', [input, input], [{ name: 'axis', type: attributeType.int, i: axis }]);
    replaced.set(node, [
      part('nhwc', 'Transpose', [source.input[0]!], [ints('perm', [0, 2, 3, 1])]),
      reshape('cells', `${name}.nhwc`, [0, h, w, 1, channels]),
      twice('columns', `${name}.cells`, 3),
      reshape('rows', `${name}.columns`, [0, h, 1, width * channels]),
      twice('twoRows', `${name}.rows`, 2),
      reshape('map', `${name}.twoRows`, [0, height, width, channels]),
      part('nchw', 'Transpose', [`${name}.map`], [ints('perm', [0, 3, 1, 2])], quantize.output[0]!),
    ]);
    gone.add(quantize);
  }
  if (replaced.size === 0) return graph;
  const node = graph.node.flatMap((old) => (gone.has(old) ? [] : (replaced.get(old) ?? [old])));
  return withoutUnused({ ...graph, node, initializer });
}

function isNearestUpsampling(node: OnnxNode): boolean {
  const text = (name: string) => stringAttribute(node, name, '');
  return (
    node.op_type === 'Resize' &&
    text('mode') === 'nearest' &&
    text('coordinate_transformation_mode') === 'asymmetric' &&
    text('nearest_mode') === 'floor'
  );
}

/**
 * ONNX Runtime gives each reader of a dequantized value an operation of its own. A sum of one map is a copy that it leaves
 * alone, so that all regions are pooled from that one.
 */
function shareFloatMaps(graph: OnnxGraph): OnnxGraph {
  const dequantized = new Set(
    graph.node.filter((node) => node.op_type === 'DequantizeLinear').map((node) => node.output[0]!),
  );
  const pooling = new Map<string, OnnxNode[]>();
  for (const node of graph.node) {
    const map = node.input[0]!;
    if (node.op_type === 'RoiAlign' && dequantized.has(map)) pooling.set(map, [...(pooling.get(map) ?? []), node]);
  }
  const shared = new Set([...pooling].filter(([, readers]) => readers.length > 1).map(([map]) => map));
  const copyOf = (map: string) => `${map}.pooled`;
  return {
    ...graph,
    node: graph.node.flatMap((node) => {
      if (node.op_type === 'RoiAlign' && shared.has(node.input[0]!))
        return [{ ...node, input: [copyOf(node.input[0]!), ...node.input.slice(1)] }];
      const own = node.output[0]!;
      if (!shared.has(own)) return [node];
      return [node, { name: copyOf(own), op_type: 'Sum', input: [own], output: [copyOf(own)], attribute: [] }];
    }),
  };
}

/** Channels from which on the integer kernel is fast. */
const fewChannels = 4;

/**
 * A convolution of stride 2 over few channels as one of stride 1 over blocks of 2 x 2 pixels with four times the channels:
 * the kernel gathers its inputs in runs of channels, and three are too short a run. Tap t of a kernel with padding p is
 * pixel (t + p mod 2) mod 2 of block (t + p mod 2) / 2; taps that complete a block have weight 0.
 */
function convolveBlocks(graph: OnnxGraph, shapes: Shapes): OnnxGraph {
  const producers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
  const constants = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  for (const node of graph.node) {
    if (node.op_type !== 'Conv' || intAttribute(node, 'group', 1) !== 1) continue;
    const [input, dequantized] = [producers.get(node.input[0]!), producers.get(node.input[1]!)];
    const weight = constants.get(dequantized?.input[0] ?? '');
    if (input?.op_type !== 'DequantizeLinear' || weight?.data_type !== dataType.int8) continue;
    const quantize = producers.get(input.input[0]!);
    const shape = quantize && shapes.get(quantize.input[0]!);
    const [outputs, inputs, kernel, kernelWidth] = sizesOf(weight) as [number, number, number, number];
    const pads = intsAttribute(node, 'pads');
    const pad = (kernel - 1) / 2;
    const isStem =
      inputs <= fewChannels &&
      kernel === kernelWidth &&
      kernel % 2 === 1 &&
      intsAttribute(node, 'strides').every((stride) => stride === 2) &&
      intsAttribute(node, 'dilations').every((step) => step === 1) &&
      pads.length === 4 &&
      pads.every((value) => value === pad);
    const isEven = shape && shape[2] % 2 === 0 && shape[3] % 2 === 0;
    const isRead = graph.node.filter((other) => other.input.includes(node.input[0]!)).length === 1;
    if (!isStem || !isEven || !isRead) continue;
    const blocks = Math.ceil((kernel + (pad % 2)) / 2);
    const before = (pad + (pad % 2)) / 2;
    const blocked = blockWeights(weight, outputs, inputs, kernel, pad % 2, blocks);
    const name = `${node.name}.blocks`;
    const toBlocks: OnnxNode = {
      name,
      op_type: 'SpaceToDepth',
      input: [input.input[0]!],
      output: [name],
      attribute: [{ name: 'blocksize', type: attributeType.int, i: 2 }],
    };
    const after = blocks - 1 - before;
    const attribute = [
      ints('kernel_shape', [blocks, blocks]),
      ints('strides', [1, 1]),
      ints('pads', [before, before, after, after]),
    ];
    return {
      ...graph,
      node: graph.node.flatMap((old) => {
        if (old === input) return [toBlocks, { ...old, input: [name, ...old.input.slice(1)] }];
        return [old === node ? { ...old, attribute } : old];
      }),
      initializer: graph.initializer.map((tensor) => (tensor === weight ? blocked : tensor)),
    };
  }
  return graph;
}

/** int8 [O, I, k, k] -> [O, 4 I, n, n], channels of a block in SpaceToDepth's order: row, column, channel. */
function blockWeights(
  weight: OnnxTensor,
  outputs: number,
  inputs: number,
  kernel: number,
  shift: number,
  blocks: number,
): OnnxTensor {
  const source = weight.raw_data!;
  const out = new Uint8Array(outputs * 4 * inputs * blocks * blocks);
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      for (let ty = 0; ty < kernel; ty++) {
        for (let tx = 0; tx < kernel; tx++) {
          const [y, x] = [ty + shift, tx + shift];
          const channel = ((y % 2) * 2 + (x % 2)) * inputs + i;
          const [by, bx] = [Math.floor(y / 2), Math.floor(x / 2)];
          const at = ((o * 4 * inputs + channel) * blocks + by) * blocks + bx;
          out[at] = source[((o * inputs + i) * kernel + ty) * kernel + tx]!;
        }
      }
    }
  }
  return { ...weight, dims: [outputs, 4 * inputs, blocks, blocks], raw_data: out };
}

function withoutUnused(graph: OnnxGraph): OnnxGraph {
  const used = new Set([...graph.node.flatMap((node) => node.input), ...graph.output.map(({ name }) => name)]);
  return {
    ...graph,
    node: graph.node.filter((node) => node.output.some((name) => used.has(name))),
    initializer: graph.initializer.filter(({ name }) => used.has(name)),
  };
}

function ints(name: string, values: readonly number[]): OnnxAttribute {
  return { name, type: attributeType.ints, ints: [...values] };
}

function int64Tensor(name: string, values: readonly number[]): OnnxTensor {
  const data = BigInt64Array.from(values, BigInt);
  return { name, dims: [values.length], data_type: dataType.int64, raw_data: new Uint8Array(data.buffer) };
}
