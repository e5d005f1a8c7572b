import { dataType, type OnnxNode, toNumber } from '@plumbline/runtime/onnx';
import type { Hit, LintContext, Rule } from './finding.js';
import { nameOf, typeName } from './lint-view.js';
import { tensorrtVersions as all, type TensorrtVersion } from './versions.js';

const types86 = Object.values(dataType);
const bfloat16 = 16;
const float8e4m3fn = 17;
const int4 = 22;
const float4e2m1 = 23;
const types103 = [...types86, bfloat16, float8e4m3fn, int4];
const types1015 = [...types103, float4e2m1];
const acceptedTypes: Readonly<Record<TensorrtVersion, readonly number[]>> = {
  '8.6': types86,
  '10.3': types103,
  '10.15': types1015,
  '11.0': types1015,
};

const int32Range = [-(2 ** 31), 2 ** 31 - 1] as const;

/** Every place of a graph that names an element type: values declared, constants, casts. */
function* typedPlaces({ view }: LintContext): Iterable<readonly [where: OnnxNode | string, type: number]> {
  const { input, output, initializer } = view.model.graph;
  const constants = new Set(initializer.map(({ name }) => name));
  for (const { name, type } of [...input, ...output]) {
    if (!constants.has(name) && type?.tensor_type) yield [name, type.tensor_type.elem_type];
  }
  for (const { name, data_type } of initializer) yield [name, data_type];
  for (const node of view.nodes) {
    const to = node.attribute.find(({ name }) => name === 'to')?.i;
    if (node.op_type === 'Cast' && to !== undefined) yield [node, toNumber(to)];
    const value = node.op_type === 'Constant' ? view.constant(node.output[0]) : undefined;
    if (value) yield [node, value.data_type];
  }
}

/** Element types. */
export const typeRules: readonly Rule[] = [
  {
    id: 'type',
    severity: 'refused',
    versions: all,
    source: 'onnx-tensorrt convertDtype 8.6-GA and 10.1-GA; docs/operators.md 10.15 (FP4)',
    *check(context) {
      for (const [where, type] of typedPlaces(context)) {
        if (type === 0 || acceptedTypes[context.version].includes(type)) continue; // 0: not said
        yield [where, `TensorRT ${context.version} has no type ${typeName(type)}. Use float32, int32 or int64.`];
      }
    },
  },
  {
    id: 'double',
    severity: 'note',
    versions: all,
    source: 'onnx-tensorrt docs/operators.md, data types',
    *check(context) {
      for (const [where, type] of typedPlaces(context)) {
        if (type === dataType.double)
          yield [where, 'float64 is computed in float32, larger numbers clamped: results differ in the last digits.'];
      }
    },
  },
  {
    id: 'int64-range',
    severity: 'note',
    versions: ['8.6'],
    source: 'onnx-tensorrt 8.6-GA docs/operators.md, data types',
    *check({ view }) {
      const { initializer } = view.model.graph;
      const inNodes = view.nodes.filter(({ op_type: type }) => type === 'Constant').map((node) => node.output[0]!);
      for (const name of [...initializer.map((tensor) => tensor.name), ...inNodes]) {
        if (view.constant(name)?.data_type !== dataType.int64) continue;
        const beyond = view.numbers(name)?.find((value) => value < int32Range[0] || value > int32Range[1]);
        if (beyond !== undefined) yield [name, `int64 becomes int32 here: ${beyond} is clamped.`];
      }
    },
  },
  {
    id: 'int64-binding',
    severity: 'note',
    versions: ['8.6'],
    source: 'onnx-tensorrt changelog 9.0 EA: int64 inputs and outputs were int32 bindings before',
    *check({ view }) {
      const { input, output } = view.model.graph;
      for (const { name, type } of [...input, ...output]) {
        if (type?.tensor_type?.elem_type === dataType.int64 && !view.constant(name))
          yield [name, 'int64 is bound as int32 in this version: the caller passes 4 bytes a number.'];
      }
    },
  },
  {
    id: 'uint8-input',
    severity: 'refused',
    versions: all,
    source: 'onnx-tensorrt docs/operators.md 10.1-GA, UINT8; NVIDIA TensorRT API, DataType.UINT8; Shape inferred',
    *check({ view }): Iterable<Hit> {
      for (const { name } of view.model.graph.input) {
        if (!view.isType(name, 'uint8') || view.constant(name)) continue;
        for (const reader of view.consumersOf(name)) {
          if (reader.op_type === 'Cast' || reader.op_type === 'Shape') continue;
          yield [
            reader,
            `${nameOf(reader)} reads the uint8 input ${name}, which may only be cast. Cast it to float first.`,
          ];
        }
      }
    },
  },
  {
    id: 'uint8-inside',
    severity: 'refused',
    versions: all,
    source: 'onnx-tensorrt ModelImporter.cpp 8.6-GA and 10.1-GA: no UINT8 for intermediate tensors',
    *check({ view }) {
      for (const node of view.nodes) {
        if (node.op_type === 'Constant' || node.op_type === 'QuantizeLinear') continue;
        const inside = node.output.find((name) => view.isType(name, 'uint8') && !view.isOutput(name));
        if (inside) yield [node, `returns uint8 (${inside}) inside the graph. Use int32 or float.`];
      }
    },
  },
];
