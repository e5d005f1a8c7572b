import type { GraphBuilder, Value } from './graph-builder.js';

/** Fully connected layer: x [R, I] times weight [O, I] (PyTorch layout) plus bias [O]. */
export function buildDense(
  b: GraphBuilder,
  path: string,
  x: Value,
  inputs: number,
  outputs: number,
  { weight, bias }: { weight: ArrayLike<number>; bias: ArrayLike<number> },
): Value {
  const w = b.weight(`${path}.weight`, [outputs, inputs], weight);
  const c = b.constant(`${path}.bias`, 'float', [outputs], bias);
  return b.op(path, 'Gemm', [x, w, c], { transB: 1 });
}
