import type { GraphBuilder, Value } from './graph-builder.js';

/** Positions of a bool tensor of rank n that are true, int64 [count, n], in row-major order. */
export function findRows(b: GraphBuilder, name: string, isHere: Value): Value {
  return b.op(name, 'Transpose', [b.op(`${name}.nonZero`, 'NonZero', [isHere])], { perm: [1, 0] });
}

/**
 * The values at some places and minus infinity at all others, so that a TopK of fixed size takes the best of them.
 * @param places int64 [count, rank of values]
 */
export function keepOnly(b: GraphBuilder, path: string, values: Value, places: Value): Value {
  const never = b.floats([Number.NEGATIVE_INFINITY]);
  const nothing = b.op(`${path}.nothing`, 'Expand', [never, b.op(`${path}.shape`, 'Shape', [values])]);
  return b.op(path, 'ScatterND', [nothing, places, b.op(`${path}.kept`, 'GatherND', [values, places])]);
}

/** int64 [M], [M] -> [M, 2]. */
export function pairColumns(b: GraphBuilder, path: string, first: Value, second: Value): Value {
  const columns = [first, second].map((value, i) => b.op(`${path}.column${i}`, 'Unsqueeze', [value, b.ints([1])]));
  return b.op(path, 'Concat', columns, { axis: 1 });
}
