import { describeValue, type OnnxModel } from '@plumbline/runtime/onnx';

/** An input or output: sides that the file leaves open are text or 0; a value without any shape has none. */
export type ValueFacts = ReturnType<typeof describeValue>;

/** What a file says of what it takes and returns. */
export interface GraphFacts {
  readonly inputs: readonly ValueFacts[];
  readonly outputs: readonly ValueFacts[];
  /** `metadata_props` of the file. */
  readonly metadata: ReadonlyMap<string, string>;
}

export function readGraphFacts({ graph, metadata_props }: OnnxModel): GraphFacts {
  // Files of the oldest versions list their weights as inputs too.
  const constants = new Set(graph.initializer.map(({ name }) => name));
  return {
    inputs: graph.input.filter(({ name }) => !constants.has(name)).map(describeValue),
    outputs: graph.output.map(describeValue),
    metadata: new Map((metadata_props ?? []).map(({ key, value }) => [key, value])),
  };
}

/** `"images" float [1,3,640,640]`, one after the other; `?` is a side that the file leaves open. */
export function inWords(values: readonly ValueFacts[]): string {
  return values.map(({ name, type, shape }) => `"${name}" ${type} ${shapeInWords(shape)}`).join(', ');
}

export function shapeInWords(shape: ValueFacts['shape']): string {
  return shape.length === 0 ? 'of no stated shape' : `[${shape.map((side) => (side === 0 ? '?' : side)).join(',')}]`;
}

/** A side that the file fixes. */
export function fixedSide(side: number | string | undefined): number | undefined {
  return typeof side === 'number' && side > 0 ? side : undefined;
}
