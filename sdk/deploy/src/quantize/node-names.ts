import type { OnnxModel } from '@plumbline/runtime/onnx';

/** The model with a name of its own for every node: one without, or with that of another, is called after what it returns. */
export function withNodeNames(model: OnnxModel): OnnxModel {
  const taken = new Set<string>();
  const node = model.graph.node.map((own) => {
    let { name } = own;
    if (name === '' || taken.has(name)) name = own.output.find((output) => output !== '') ?? 'node';
    while (taken.has(name)) name += '_';
    taken.add(name);
    return name === own.name ? own : { ...own, name };
  });
  return { ...model, graph: { ...model.graph, node } };
}
