import { type OnnxValueInfo, toNumber } from '@plumbline/runtime/onnx';
import type { Hit, LintContext, Rule } from './finding.js';
import { onNodes } from './on-nodes.js';
import { tensorrtVersions as all } from './versions.js';

/** Inputs that say which shape a result has. */
const shapeInputs: Readonly<Record<string, readonly number[]>> = {
  ConstantOfShape: [0],
  Expand: [1],
  Pad: [1],
  Range: [0, 1, 2],
  Reshape: [1],
  Resize: [2, 3],
  Slice: [1, 2],
  Tile: [1],
  Upsample: [1],
};

/** Sides without a number, by name or place; undefined when there are none. */
function openSides({ type }: OnnxValueInfo): string | undefined {
  const dims = type?.tensor_type?.shape?.dim;
  if (!dims) return 'no shape';
  const open = dims.flatMap(({ dim_param: name, dim_value: size }, i) =>
    // A side that says nothing is null in a decoded file.
    name || size == null || toNumber(size) < 0 ? [name || `side ${i}`] : [],
  );
  return open.length > 0 ? open.join(', ') : undefined;
}

function* openInputs({ view }: LintContext, say: (open: string) => string): Iterable<Hit> {
  for (const input of view.model.graph.input) {
    const open = openSides(input);
    if (open !== undefined && !view.constant(input.name)) yield [input.name, say(open)];
  }
}

/** Shapes that are known only when the engine runs. */
export const shapeRules: readonly Rule[] = [
  {
    id: 'symbolic-input',
    severity: 'refused',
    versions: all,
    route: 'engine',
    source: 'NVIDIA TensorRT Developer Guide, Working with Dynamic Shapes',
    check: (context) =>
      openInputs(
        context,
        (open) => `size not fixed (${open}): a build without a shape profile fails. Fix the size, or give a profile.`,
      ),
  },
  {
    id: 'symbolic-input-profile',
    severity: 'slow',
    versions: all,
    route: 'onnxruntime',
    source: 'ONNX Runtime documentation, TensorRT execution provider, trt_profile_min_shapes',
    check: (context) =>
      openInputs(
        context,
        (open) =>
          `size not fixed (${open}): the engine is built for the first frame and again for every size outside what was seen. Fix the size, or set trt_profile_min_shapes, _max_shapes and _opt_shapes, all three.`,
      ),
  },
  {
    id: 'symbolic-output',
    severity: 'note',
    versions: all,
    source: 'NVIDIA TensorRT Developer Guide, Dynamically Shaped Output',
    *check({ view }) {
      for (const output of view.model.graph.output) {
        const open = openSides(output);
        if (open !== undefined)
          yield [output.name, `size not fixed (${open}): the caller needs an output allocator. Pad to a fixed size.`];
      }
    },
  },
  {
    id: 'data-dependent-size',
    severity: 'note',
    versions: all,
    source: 'onnx-tensorrt importer 8.6-GA and 10.1-GA: addNonZero, addNMS',
    check: onNodes(
      'NonZero NonMaxSuppression',
      ({ op_type: type }) =>
        `the number of rows of ${type} depends on data: the shapes behind it are open, memory is held for the largest (inferred). For a fixed size use masks, sorting and a TopK with a constant K.`,
    ),
  },
  {
    id: 'excluded-by-default',
    severity: 'note',
    versions: all,
    route: 'onnxruntime',
    source: 'microsoft/onnxruntime#23705',
    check: onNodes(
      'NonZero NonMaxSuppression RoiAlign',
      ({ op_type: type }) =>
        `releases of ONNX Runtime before February 2025 may leave ${type} outside of TensorRT; later ones place it inside. trt_op_types_to_exclude says which it is.`,
    ),
  },
  {
    id: 'data-dependent-shape',
    severity: 'note',
    versions: all,
    source: 'inferred: TensorRT takes shape tensors, which follow from shapes and constants',
    check: onNodes(Object.keys(shapeInputs).join(' '), (node, { view }) => {
      const computed = shapeInputs[node.op_type]!.map((i) => node.input[i]).filter(
        (name): name is string => Boolean(name) && !view.isOfShapes(name!),
      );
      return computed.length === 0
        ? undefined
        : `the shape of ${node.op_type} follows from data (${computed.join(', ')}): the build may stop here. Compute it from shapes and constants.`;
    }),
  },
  {
    id: 'resize-sizes',
    severity: 'note',
    versions: all,
    source: 'onnx-tensorrt importer 8.6-GA and 10.1-GA, Resize',
    check: onNodes('Resize', (node, { view }) => {
      const computed = [node.input[2], node.input[3]].filter(
        (name) => name && !view.constant(name) && view.isOfShapes(name),
      );
      return computed.length === 0
        ? undefined
        : `the size follows from the shape of another value (${computed.join(', ')}), so it changes with the input. Fix the input's size, or make it a constant.`;
    }),
  },
];
