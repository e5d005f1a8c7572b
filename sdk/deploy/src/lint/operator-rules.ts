import type { LintContext, Rule } from './finding.js';
import { isOfOnnxDomain } from './lint-view.js';
import { onNodes } from './on-nodes.js';
import { tensorrtVersions as all, since, type TensorrtVersion, versionFacts } from './versions.js';

/** Plugins of libnvinfer_plugin for detectors that a graph may name as an operator; the second went away in 10.16. */
const knownPlugins = (version: TensorrtVersion) =>
  version === '11.0'
    ? ['EfficientNMS_TRT', 'ROIAlign_TRT']
    : ['EfficientNMS_TRT', 'EfficientNMS_ONNX_TRT', 'ROIAlign_TRT'];

const isFunction = ({ view, version }: LintContext, type: string) => version !== '8.6' && view.isFunction(type);

/** Inputs that have to be known when the engine is built. */
const constantInputs: readonly {
  readonly types: string;
  readonly index: number;
  readonly name: string;
  readonly versions: readonly TensorrtVersion[];
}[] = [
  { types: 'CumSum', index: 1, name: 'axis', versions: all },
  { types: 'Squeeze Unsqueeze', index: 1, name: 'axes', versions: all },
  { types: 'Slice', index: 3, name: 'axes', versions: ['8.6'] },
  { types: 'Pad', index: 3, name: 'axes', versions: ['10.3'] },
  { types: 'OneHot', index: 1, name: 'depth', versions: since('10.3') },
  {
    types:
      'ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare',
    index: 1,
    name: 'axes',
    versions: since('10.3'),
  },
];

/** Operators: whether there is a converter. */
export const operatorRules: readonly Rule[] = [
  {
    id: 'opset',
    severity: 'refused',
    versions: all,
    source: 'onnx-tensorrt docs/operators.md of the version; ModelImporter.cpp 10.1-GA',
    *check({ view, version }) {
      const [lowest, highest] = versionFacts[version].opset;
      if (view.opset >= lowest && view.opset <= highest) return;
      const advice = `Export with opset ${lowest} to ${highest}`;
      yield [
        '',
        view.opset > highest
          ? `opset ${view.opset}: TensorRT ${version} reads up to ${highest}; its parser checks only the lower end, so operators that changed since would be read by their old meaning (inferred). ${advice}.`
          : `opset ${view.opset}: TensorRT ${version} reads from ${lowest} on; below 7 the parser stops. ${advice}.`,
      ];
    },
  },
  {
    id: 'operator',
    severity: 'refused',
    versions: all,
    source: 'onnx-tensorrt docs/operators.md of the version',
    *check(context) {
      const { view, version } = context;
      const { operators } = versionFacts[version];
      for (const node of view.nodes) {
        const { op_type: type } = node;
        if (!isOfOnnxDomain(node) || operators.has(type) || isFunction(context, type)) continue;
        if (knownPlugins(version).includes(type)) continue;
        yield [
          node,
          `TensorRT ${version} has no converter for ${type} and looks for a plugin of that name. Replace it by operators of the table, or end the engine's graph before it.`,
        ];
      }
    },
  },
  {
    id: 'domain',
    severity: 'refused',
    versions: all,
    source: 'onnx-tensorrt ModelImporter.cpp 8.6-GA and 10.1-GA, parseNode',
    *check(context) {
      const { view, version } = context;
      for (const node of view.nodes) {
        const { op_type: type, domain } = node;
        if (isOfOnnxDomain(node) || versionFacts[version].operators.has(type) || isFunction(context, type)) continue;
        if (knownPlugins(version).includes(type)) continue;
        yield [node, `${domain}.${type} is no ONNX operator: refused unless a plugin named ${type} is loaded.`];
      }
    },
  },
  {
    id: 'domain-ignored',
    severity: 'note',
    versions: all,
    source: 'onnx-tensorrt ModelImporter.cpp 8.6-GA and 10.1-GA, parseNode',
    *check({ view, version }) {
      for (const node of view.nodes) {
        const { op_type: type, domain } = node;
        if (isOfOnnxDomain(node) || !versionFacts[version].operators.has(type)) continue;
        yield [
          node,
          `the parser looks operators up by name alone and reads ${domain}.${type} as ONNX's ${type}. Check that both mean the same, or replace it.`,
        ];
      }
    },
  },
  {
    id: 'plugin',
    severity: 'note',
    versions: all,
    source:
      'NVIDIA/TensorRT release notes: EfficientNMS_TRT deprecated in 10.12, EfficientNMS_ONNX_TRT removed in 10.16',
    *check({ view, version }) {
      for (const node of view.nodes) {
        if (!knownPlugins(version).includes(node.op_type)) continue;
        yield [
          node,
          `${node.op_type} comes from libnvinfer_plugin, which the program that builds and runs has to load.`,
        ];
      }
    },
  },
  {
    id: 'control-flow',
    severity: 'note',
    versions: all,
    source: 'onnx-tensorrt docs/operators.md: restrictions of If and Loop',
    check: onNodes(
      'If Loop Scan',
      ({ op_type: type }) =>
        `${type} is taken with limits: branches return equal ranks, what a loop carries keeps its shape, and scans have a fixed length. The graphs inside were not read here.`,
    ),
  },
  {
    id: 'constant-input',
    severity: 'refused',
    versions: all,
    source: 'onnx-tensorrt docs/operators.md of the version; changelog 10.3 (Slice) and 10.4 (Pad)',
    *check(context) {
      for (const { types, index, name, versions } of constantInputs) {
        if (!versions.includes(context.version)) continue;
        yield* onNodes(types, (node, { view }) => {
          const value = node.input[index];
          if (!value || view.constant(value) || view.isOfShapes(value)) return undefined;
          return `${name} of ${node.op_type} has to be known when the engine is built; ${value} is computed from data. Make it a constant.`;
        })(context);
      }
    },
  },
];
