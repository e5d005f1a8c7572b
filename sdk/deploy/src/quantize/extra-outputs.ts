import { attributeType, dataType, type OnnxModel, type OnnxNode } from '@plumbline/runtime/onnx';

/** The model with further values of its graph as outputs, float32 of any shape. */
export function withOutputs(model: OnnxModel, values: readonly string[]): OnnxModel {
  const { graph } = model;
  const present = new Set(graph.output.map(({ name }) => name));
  const added = values.filter((name) => !present.has(name)).map((name) => floatOutput(name));
  return { ...model, graph: { ...graph, output: [...graph.output, ...added] } };
}

/** Names of the extremes that {@link withExtremes} returns of a value. */
export function extremesOf(value: string): readonly [low: string, high: string] {
  return [`${value}_ReduceMin`, `${value}_ReduceMax`];
}

/** The model with the smallest and the largest number of each value as outputs: two scalars instead of a feature map. */
export function withExtremes(model: OnnxModel, values: readonly string[]): OnnxModel {
  const nodes: OnnxNode[] = values.flatMap((value) =>
    extremesOf(value).map((name, i) => ({
      name,
      op_type: i === 0 ? 'ReduceMin' : 'ReduceMax',
      input: [value],
      output: [name],
      attribute: [{ name: 'keepdims', type: attributeType.int, i: 0 }],
    })),
  );
  const { graph } = model;
  return {
    ...model,
    graph: {
      ...graph,
      node: [...graph.node, ...nodes],
      output: [...graph.output, ...nodes.map(({ name }) => floatOutput(name))],
    },
  };
}

function floatOutput(name: string) {
  return { name, type: { tensor_type: { elem_type: dataType.float } } };
}
