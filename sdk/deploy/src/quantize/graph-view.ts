import { PlumblineError } from '@plumbline/contract';
import { dataType, type OnnxModel, type OnnxNode, type OnnxTensor, toNumber } from '@plumbline/runtime/onnx';
import { floatsOf, sizesOf } from '../tensor-values.js';

/** Who writes and reads each value of a graph. */
export class GraphView {
  readonly nodes: readonly OnnxNode[];
  private readonly producers = new Map<string, OnnxNode>();
  private readonly consumers = new Map<string, OnnxNode[]>();
  private readonly constants = new Map<string, OnnxTensor>();
  private readonly outputs: ReadonlySet<string>;

  constructor(
    readonly model: OnnxModel,
    private readonly file: string,
  ) {
    const { graph } = model;
    this.nodes = graph.node;
    this.outputs = new Set(graph.output.map(({ name }) => name));
    for (const tensor of graph.initializer) this.constants.set(tensor.name, tensor);
    for (const node of graph.node) {
      for (const name of node.output) this.producers.set(name, node);
      for (const name of this.readsOf(node)) {
        const list = this.consumers.get(name);
        if (list) list.push(node);
        else this.consumers.set(name, [node]);
      }
    }
  }

  producerOf(value: string): OnnxNode | undefined {
    return this.producers.get(value);
  }

  /** What a node reads: its inputs, and what graphs inside it (If, Loop, Scan) take from around them. */
  readsOf(node: OnnxNode): ReadonlySet<string> {
    return new Set([...node.input.filter((name) => name !== ''), ...capturedBy(node)]);
  }

  consumersOf(value: string): readonly OnnxNode[] {
    return this.consumers.get(value) ?? [];
  }

  constant(name: string | undefined): OnnxTensor | undefined {
    return name === undefined ? undefined : this.constants.get(name);
  }

  isOutput(value: string): boolean {
    return this.outputs.has(value);
  }

  /**
   * Values of a float32 constant.
   * @throws {PlumblineError} PLB_DEPLOY_WEIGHTS_INVALID when one is not finite or the bytes do not fill the shape
   */
  floats(tensor: OnnxTensor, node: OnnxNode): Float32Array {
    const bytes = tensor.raw_data ?? new Uint8Array(0);
    const size = sizesOf(tensor).reduce((product, side) => product * side, 1);
    const refuse = (problem: string) =>
      new PlumblineError('PLB_DEPLOY_WEIGHTS_INVALID', {
        file: this.file,
        node: node.name,
        tensor: tensor.name,
        problem,
      });
    if (tensor.data_type !== dataType.float || bytes.length !== 4 * size) {
      throw refuse(`holds ${bytes.length} bytes of type ${tensor.data_type}, expected float32 [${sizesOf(tensor)}]`);
    }
    const values = floatsOf(tensor)!;
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) throw refuse(`value ${bad} is ${values[bad]}`);
    return values;
  }
}

/** Names that the graphs inside a node use and do not make themselves. */
function capturedBy(node: OnnxNode): string[] {
  return node.attribute.flatMap(({ g: graph }) => {
    if (!graph) return [];
    const own = new Set([
      ...[...graph.input, ...graph.initializer].map(({ name }) => name),
      ...graph.node.flatMap(({ output }) => output),
    ]);
    const used = [
      ...graph.node.flatMap((inner) => [...inner.input, ...capturedBy(inner)]),
      ...graph.output.map(({ name }) => name),
    ];
    return used.filter((name) => name !== '' && !own.has(name));
  });
}

/** An integer attribute of a node. */
export function intAttribute(node: OnnxNode, name: string, otherwise: number): number {
  const found = node.attribute.find((attribute) => attribute.name === name);
  return found?.i === undefined ? otherwise : toNumber(found.i);
}

/** A list of integers; empty when the attribute is absent. */
export function intsAttribute(node: OnnxNode, name: string): number[] {
  return (node.attribute.find((attribute) => attribute.name === name)?.ints ?? []).map(toNumber);
}

/** A text attribute; `otherwise` when it is absent or empty. */
export function stringAttribute(node: OnnxNode, name: string, otherwise: string): string {
  const bytes = node.attribute.find((attribute) => attribute.name === name)?.s;
  return bytes && bytes.length > 0 ? Buffer.from(bytes).toString('utf8') : otherwise;
}
