import { intAttribute, intsAttribute, stringAttribute } from '../quantize/graph-view.js';
import { topKLimit } from '../tensorrt-limits.js';
import type { Rule } from './finding.js';
import { hasAttribute, nameOf } from './lint-view.js';
import { onNodes } from './on-nodes.js';
import { tensorrtVersions as all, since } from './versions.js';

const resizeCoordinates = ['half_pixel', 'pytorch_half_pixel', 'tf_half_pixel_for_nn', 'asymmetric', 'align_corners'];

/** What a converter takes of an operator: its modes, attributes and outputs. */
export const attributeRules: readonly Rule[] = [
  {
    id: 'resize-coordinates',
    severity: 'refused',
    versions: all,
    source: 'onnx-tensorrt docs/operators.md and importer, Resize',
    check: onNodes('Resize', (node) => {
      const mode = stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel');
      if (!resizeCoordinates.includes(mode)) return `${mode} is not one of ${resizeCoordinates.join(', ')}.`;
      const nearest = stringAttribute(node, 'nearest_mode', 'round_prefer_floor');
      if (mode !== 'tf_half_pixel_for_nn' || nearest === 'round_prefer_floor') return undefined;
      return `tf_half_pixel_for_nn is taken with nearest_mode round_prefer_floor only, not ${nearest}.`;
    }),
  },
  {
    id: 'resize-options',
    severity: 'refused',
    versions: since('10.3'),
    source: 'onnx-tensorrt 10.1-GA, onnxOpCheckers.cpp, Resize',
    check: onNodes('Resize', (node) => {
      if (intAttribute(node, 'antialias', 0) !== 0) return 'antialias is not supported. Resize without it.';
      const policy = stringAttribute(node, 'keep_aspect_ratio_policy', 'stretch');
      return policy === 'stretch' ? undefined : `keep_aspect_ratio_policy ${policy} is not supported, only stretch is.`;
    }),
  },
  {
    id: 'resize-cubic',
    severity: 'note',
    versions: all,
    source: 'onnx-tensorrt docs/operators.md; importer 8.6-GA and 10.1-GA, Resize',
    check: onNodes('Resize', (node) =>
      stringAttribute(node, 'mode', 'nearest') === 'cubic'
        ? 'the document names nearest and linear only, the importer takes cubic for two dimensions. Compare results on the device, or use linear.'
        : undefined,
    ),
  },
  {
    id: 'pool',
    severity: 'refused',
    versions: all,
    source: 'onnx-tensorrt importer 8.6-GA (poolingHelper) and onnxOpCheckers.cpp 10.1-GA',
    check: onNodes('MaxPool AveragePool LpPool', (node) => {
      if (intsAttribute(node, 'dilations').some((step) => step !== 1))
        return 'pooling with dilations is not supported.';
      return node.op_type === 'MaxPool' && node.output[1] ? 'the output Indices is not supported.' : undefined;
    }),
  },
  {
    id: 'training-mode',
    severity: 'refused',
    versions: all,
    source: 'onnx-tensorrt importer 8.6-GA and onnxOpCheckers.cpp 10.1-GA, BatchNormalization',
    check: onNodes('BatchNormalization', (node) =>
      intAttribute(node, 'training_mode', 0) === 1
        ? 'training_mode 1 is not supported. Export for inference.'
        : undefined,
    ),
  },
  {
    id: 'scatter-reduction',
    severity: 'refused',
    versions: since('10.3'),
    source: 'onnx-tensorrt importer 10.1-GA and docs/operators.md 10.15, ScatterND',
    check: onNodes('ScatterND', (node, { version }) => {
      const reduction = stringAttribute(node, 'reduction', 'none');
      const isRefused = version === '10.3' ? hasAttribute(node, 'reduction') : reduction !== 'none';
      return isRefused ? `ScatterND with reduction ${reduction} is refused. Add or multiply outside of it.` : undefined;
    }),
  },
  {
    id: 'scatter-reduction-ignored',
    severity: 'note',
    versions: ['8.6'],
    source: 'onnx-tensorrt importer 8.6-GA, ScatterND reads no attribute',
    check: onNodes('ScatterND', (node) => {
      const reduction = stringAttribute(node, 'reduction', 'none');
      return reduction === 'none' ? undefined : `reduction ${reduction} is ignored: values are overwritten.`;
    }),
  },
  {
    id: 'constant-kind',
    severity: 'refused',
    versions: since('10.3'),
    source: 'onnx-tensorrt 10.1-GA, onnxOpCheckers.cpp, Constant',
    check: onNodes('Constant', (node) => {
      const kind = ['sparse_value', 'value_string', 'value_strings'].find((name) => hasAttribute(node, name));
      return kind && `a Constant with ${kind} is not supported.`;
    }),
  },
  {
    id: 'extra-output',
    severity: 'refused',
    versions: since('10.3'),
    source: 'onnx-tensorrt docs/operators.md, LayerNormalization',
    check: onNodes('LayerNormalization', (node) =>
      node.output.slice(1).some((name) => name) ? 'only the first output is supported.' : undefined,
    ),
  },
  {
    id: 'topk-k',
    severity: 'refused',
    versions: all,
    source: 'onnx-tensorrt 10.1-GA docs/operators.md, TopK; 8.6 inferred from the same layer',
    check: onNodes('TopK', (node, { view }) => {
      const k = node.input[1] ? view.numbers(node.input[1])?.[0] : intAttribute(node, 'k', 1);
      return k !== undefined && k >= topKLimit ? `K is ${k}, has to be less than ${topKLimit}.` : undefined;
    }),
  },
  {
    id: 'topk-dynamic-k',
    severity: 'note',
    versions: all,
    source: 'onnx-tensorrt changelog 8.6-EA: TopK with dynamic K; docs/operators.md: K < 3840',
    check: onNodes('TopK', (node, { view }) =>
      node.input[1] && !view.constant(node.input[1])
        ? `K is computed (${node.input[1]}): the shapes behind it are known only when the engine runs, and K has to stay less than ${topKLimit}. Prefer a constant.`
        : undefined,
    ),
  },
  {
    id: 'topk-sorted',
    severity: 'note',
    versions: all,
    source: 'onnx-tensorrt docs/operators.md, TopK; the importer 10.1-GA does not read the attribute',
    check: onNodes('TopK', (node) =>
      intAttribute(node, 'sorted', 1) === 0
        ? 'sorted 0 is documented as not supported; the importer passes over it and sorts. Write sorted 1.'
        : undefined,
    ),
  },
  {
    id: 'roialign-sampling',
    severity: 'note',
    versions: all,
    source: 'onnx-tensorrt importer 8.6-GA and 10.1-GA, RoiAlign',
    check: onNodes('RoiAlign', (node) =>
      hasAttribute(node, 'sampling_ratio')
        ? undefined
        : 'without sampling_ratio TensorRT takes 1 sample a cell where ONNX means an adaptive number: other features. Write it, e.g. 2.',
    ),
  },
  {
    id: 'roialign-opset',
    severity: 'note',
    versions: all,
    source: 'onnx-tensorrt importer 8.6-GA and 10.1-GA, RoiAlign',
    check: onNodes('RoiAlign', (_, { view }) =>
      view.opset < 16
        ? `RoiAlign of opset ${view.opset} is read as output_half_pixel, without the shift by half a pixel. Export with opset 16 or later for half_pixel.`
        : undefined,
    ),
  },
  {
    id: 'nms-slow',
    severity: 'slow',
    versions: ['10.3'],
    source: 'NVIDIA/TensorRT#4248, TensorRT 10.0 to 10.6',
    check: onNodes(
      'NonMaxSuppression',
      () =>
        'measured as three quarters of the time of a Faster R-CNN. Build suppression of static operators, or end the engine before it.',
    ),
  },
  {
    id: 'mod-float',
    severity: 'refused',
    versions: all,
    source: 'onnx-tensorrt importer 8.6-GA and 10.1-GA, Mod',
    check: onNodes('Mod', (node, { view }) =>
      intAttribute(node, 'fmod', 0) === 0 && view.isType(node.input[0] ?? '', 'float', 'float16', 'double')
        ? `${nameOf(node)} takes fractions with fmod 0, which is for integers only. Write fmod 1.`
        : undefined,
    ),
  },
];
