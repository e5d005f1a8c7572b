import { dataType, type OnnxNode } from '@plumbline/runtime/onnx';
import { sizesOf } from '../tensor-values.js';
import type { LintContext, Rule } from './finding.js';
import { hasAttribute, type LintView } from './lint-view.js';
import { onNodes } from './on-nodes.js';
import { tensorrtVersions as all, since, versionFacts } from './versions.js';

const pair = 'QuantizeLinear DequantizeLinear';
const weighted = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);
const importer = 'onnx-tensorrt importer 8.6-GA and 10.1-GA, QuantizeLinear and DequantizeLinear';

/** What a QuantizeLinear took to write a value; undefined when none wrote it. */
function beforeQuantize(view: LintView, value: string): string | undefined {
  const quantize = view.producerOf(value);
  return quantize?.op_type === 'QuantizeLinear' ? quantize.input[0] : undefined;
}

/** What a QuantizeLinear and a DequantizeLinear behind it took to write a value. */
function beforePair(view: LintView, value: string): string | undefined {
  const dequantize = view.producerOf(value);
  return dequantize?.op_type === 'DequantizeLinear' ? beforeQuantize(view, dequantize.input[0] ?? '') : undefined;
}

const isWeighted = (node: OnnxNode | undefined) => node !== undefined && weighted.has(node.op_type);

/** Whether a QuantizeLinear or DequantizeLinear is one of a constant. */
function isOfConstant(view: LintView, node: OnnxNode): boolean {
  const data = node.input[0] ?? '';
  return view.constant(data) !== undefined || view.constant(beforeQuantize(view, data)) !== undefined;
}

function scaleCount(view: LintView, node: OnnxNode): number {
  const scale = view.constant(node.input[1]);
  return scale ? sizesOf(scale).reduce((product, side) => product * side, 1) : 1;
}

/** Integers in a graph: QuantizeLinear, DequantizeLinear. */
export const quantizationRules: readonly Rule[] = [
  {
    id: 'qdq-uint8',
    severity: 'refused',
    versions: all,
    source: `${importer}; a constant zero point is read as int32 there`,
    check: onNodes(pair, (node, { view }) => {
      const data = node.op_type === 'DequantizeLinear' ? (node.input[0] ?? '') : '';
      if (!view.isType(data, 'uint8') && !view.isType(node.input[2] ?? '', 'uint8')) return undefined;
      return 'TensorRT has no uint8 integers: a uint8 tensor is refused, and a constant zero point of 0 is taken as int8, with other numbers. Quantize to int8, symmetric.';
    }),
  },
  {
    id: 'qdq-zero-point',
    severity: 'refused',
    versions: all,
    source: importer,
    check: onNodes(pair, (node, { view }) => {
      const offset = view.numbers(node.input[2])?.find((value) => value !== 0);
      return offset === undefined
        ? undefined
        : `zero point ${offset}: only 0 is accepted. Quantize with a symmetric range.`;
    }),
  },
  {
    id: 'qdq-no-zero-point',
    severity: 'refused',
    versions: ['8.6'],
    source: 'onnx-tensorrt importer 8.6-GA, QuantizeLinear and DequantizeLinear need three inputs',
    check: onNodes(pair, (node) => (node.input[2] ? undefined : 'has no zero point. Write one, int8, 0.')),
  },
  {
    id: 'qdq-implied-int8',
    severity: 'note',
    versions: since('10.3'),
    source: 'onnx-tensorrt importer 10.1-GA, QuantizeLinear',
    check: onNodes('QuantizeLinear', (node) =>
      node.input[2] || hasAttribute(node, 'output_dtype')
        ? undefined
        : 'without a zero point ONNX means uint8 and TensorRT takes int8: other numbers. Write one, int8, 0.',
    ),
  },
  {
    id: 'qdq-int32',
    severity: 'refused',
    versions: all,
    source: 'onnx-tensorrt docs/operators.md, DequantizeLinear; onnxruntime TensorRT provider, SelectQualifiedDQNode',
    check: onNodes('DequantizeLinear', (node, { view, route }) => {
      const data = node.input[0] ?? '';
      if (!view.isType(data, 'int32')) return undefined;
      const isFolded = view.constant(data) !== undefined && view.consumersOf(node.output[0]!).length === 1;
      if (route === 'onnxruntime' && isFolded) return undefined; // the provider computes it before TensorRT sees it
      return 'dequantizes int32, which TensorRT does not. Keep the bias in float32.';
    }),
  },
  {
    id: 'qdq-scale',
    severity: 'refused',
    versions: all,
    source: importer,
    check: onNodes(pair, (node, { view }) => {
      const bad = view.numbers(node.input[1])?.find((value) => !(value > 0));
      return bad === undefined ? undefined : `scale ${bad}: every scale has to be greater than 0.`;
    }),
  },
  {
    id: 'qdq-computed-scale',
    severity: 'note',
    versions: all,
    source: 'onnx-tensorrt importer 10.1-GA: a scale tensor of fixed shape is passed on, its values are not checked',
    check: onNodes(pair, (node, { view }) =>
      view.constant(node.input[1])
        ? undefined
        : `the scale ${node.input[1] ?? ''} is computed. Store it as a constant: it is checked and fused then.`,
    ),
  },
  {
    id: 'qdq-half-scale',
    severity: 'refused',
    versions: all,
    source: 'ONNX QuantizeLinear-19 (float16 added); onnx-tensorrt importer 8.6-GA reads scales as float32',
    check: onNodes(pair, (node, { view, version }) => {
      if (!view.isType(node.input[1] ?? '', 'float16')) return undefined;
      if (version === '8.6') return 'float16 scales are read as float32 here. Use float32 scales.';
      return view.opset < 19 ? `float16 scales need opset 19, the graph has ${view.opset}. Export with 19.` : undefined;
    }),
  },
  {
    id: 'qdq-channel-activation',
    severity: 'refused',
    versions: all,
    source:
      'onnx-tensorrt importer 10.1-GA, comment: no per-axis quantization of activations; not checked there (inferred)',
    check: onNodes('QuantizeLinear', (node, { view }) =>
      scaleCount(view, node) > 1 && !isOfConstant(view, node)
        ? `${scaleCount(view, node)} scales of an activation: per channel is for weights. Use one scale.`
        : undefined,
    ),
  },
  {
    id: 'qdq-tensor-weight',
    severity: 'note',
    versions: all,
    source: 'NVIDIA/Model-Optimizer, INT8 recipe for ONNX: weights per channel',
    check: onNodes('Conv ConvTranspose Gemm MatMul', (node, { view }) => {
      const dequantize = view.producerOf(node.input[1] ?? '');
      if (dequantize?.op_type !== 'DequantizeLinear' || !isOfConstant(view, dequantize)) return undefined;
      return scaleCount(view, dequantize) > 1
        ? undefined
        : 'one scale for the whole weight costs accuracy. Quantize weights per output channel.';
    }),
  },
  {
    id: 'qdq-pair',
    severity: 'slow',
    versions: all,
    source: 'onnxruntime quantizer, AddQDQPairToWeight: TensorRT wants pairs; what else it does is inferred',
    check: onNodes(pair, (node, { view }) => {
      if (node.op_type === 'DequantizeLinear') {
        const data = node.input[0] ?? '';
        const isPaired = view.constant(data) || view.producerOf(data)?.op_type === 'QuantizeLinear';
        return isPaired ? undefined : `dequantizes ${data}, which no QuantizeLinear wrote. Put it right behind one.`;
      }
      const value = node.output[0]!;
      const readers = view.consumersOf(value);
      const other = readers.find(({ op_type: type }) => type !== 'DequantizeLinear');
      if (readers.length > 0 && !other && !view.isOutput(value)) return undefined;
      const reader = other ? `${other.op_type} reads` : 'no DequantizeLinear reads';
      return `${reader} its integers. TensorRT fuses pairs only: put a DequantizeLinear right behind it.`;
    }),
  },
  {
    id: 'qdq-residual',
    severity: 'slow',
    versions: all,
    source: 'NVIDIA TensorFlow quantization toolkit, ResNetV1QDQCase; NVIDIA/Model-Optimizer graph_utils',
    check: onNodes('Add', (node, { view }) => {
      const isFloatSum = node.input.some((value) => isWeighted(view.producerOf(value)));
      const rounded = node.input.find((value) => isWeighted(view.producerOf(beforePair(view, value) ?? '')));
      if (isFloatSum || rounded === undefined) return undefined;
      return `the layer's own result is quantized before the sum (${rounded}), so the sum is not fused into the layer. Quantize the other input, the skip.`;
    }),
  },
  {
    id: 'qdq-float32-rest',
    severity: 'slow',
    versions: all,
    source: 'ONNX QuantizeLinear-19; NVIDIA/TensorRT#3762; onnx-tensorrt importer 10.1-GA, strongly typed networks',
    *check({ view, version }: LintContext) {
      const nodes = view.nodes.filter(
        ({ op_type: type, input }) => pair.split(' ').includes(type) && view.typeOf(input[1] ?? '') === dataType.float,
      );
      if (nodes.length === 0) return;
      const typed = 'export with opset 19 or later and float16 scales, the rest in float16';
      const advice =
        version === '8.6'
          ? 'Build with --int8 --fp16: --int8 alone can be slower than float16'
          : versionFacts[version].isStronglyTypedOnly
            ? `In this version types come from the graph alone: ${typed}`
            : `Strongly typed: ${typed}. Otherwise build with --int8 --fp16`;
      yield ['', `${nodes.length} Q/DQ nodes have float32 scales: what is not int8 is computed in float32. ${advice}.`];
    },
  },
];
