import type { Weights } from './checkpoint.js';
import type { GraphBuilder, Value } from './graph-builder.js';

export const batchNormEpsilon = 1e-5;

export interface ConvShape {
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly stride?: number;
  /** Groups of channels that see one another; 1 when absent. */
  readonly groups?: number;
}

/** A convolution's weight [O, I / groups, k, k] as a value of the graph, and its bias [O] where it has one. */
export interface ConvParameters {
  readonly weight: Value;
  readonly bias?: ArrayLike<number>;
}

/** Convolution with symmetric zero padding of kernel / 2. */
export function conv(
  b: GraphBuilder,
  name: string,
  x: Value,
  { kernel, outputs, stride = 1, groups = 1 }: ConvShape,
  { weight, bias }: ConvParameters,
): Value {
  const pad = Math.floor(kernel / 2);
  const biases = bias ? [b.constant(`${name}.bias`, 'float', [outputs], bias)] : [];
  return b.op(name, 'Conv', [x, weight, ...biases], {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: [pad, pad, pad, pad],
    ...(groups === 1 ? {} : { group: groups }),
  });
}

/** Parameters of a convolution that carries its own bias. */
export function convParameters(b: GraphBuilder, weights: Weights, path: string, shape: ConvShape): ConvParameters {
  const dims = weightDims(shape);
  return {
    weight: b.weight(`${path}.weight`, dims, weights.get(`${path}.weight`, dims)),
    bias: weights.get(`${path}.bias`, [shape.outputs]),
  };
}

/**
 * Parameters of a convolution with the batch norm after it folded in, in float64. A weight stored as float16 keeps its
 * stored values and is multiplied where the graph is loaded; folding it here would make them inexact.
 * @param inputScale factor per input channel that is applied first
 */
export function batchNormConvParameters(
  b: GraphBuilder,
  weights: Weights,
  convPath: string,
  bnPath: string,
  shape: ConvShape,
  inputScale?: readonly number[],
): ConvParameters {
  const { outputs } = shape;
  const [scale, offset, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map((part) =>
    weights.get(`${bnPath}.${part}`, [outputs]),
  ) as [Float32Array, Float32Array, Float32Array, Float32Array];
  const factors = Float64Array.from(scale, (value, o) => value / Math.sqrt(variance[o]! + batchNormEpsilon));
  const bias = Float64Array.from(offset, (value, o) => value - mean[o]! * factors[o]!);
  return { weight: scaledConvWeight(b, weights, convPath, shape, inputScale, factors), bias };
}

/**
 * A convolution's weight times a factor per input channel (`inputScale`) and per output channel (`factors`).
 * @returns [O, I / groups, k, k]
 */
export function scaledConvWeight(
  b: GraphBuilder,
  weights: Weights,
  path: string,
  shape: ConvShape,
  inputScale?: readonly number[],
  factors?: ArrayLike<number>,
): Value {
  const { outputs, kernel } = shape;
  const dims = weightDims(shape);
  const inputs = dims[1]!;
  const name = `${path}.weight`;
  const weight = weights.get(name, dims);
  if (!inputScale && !factors) return b.weight(name, dims, weight);
  const area = kernel * kernel;
  const factorOf = (o: number, i: number) => (factors?.[o] ?? 1) * (inputScale?.[i] ?? 1);
  if (b.isStoredHalf(weight)) {
    const columns = inputScale ? inputs : 1;
    const perRow = Float64Array.from({ length: outputs * columns }, (_, k) =>
      factorOf(Math.floor(k / columns), k % columns),
    );
    const factor = b.constant(`${name}.factor`, 'float', [outputs, columns, 1, 1], perRow);
    return b.op(name, 'Mul', [b.weight(`${name}.unscaled`, dims, weight), factor]);
  }
  const folded = Float64Array.from(weight, (value, k) => {
    const row = Math.floor(k / area);
    return value * factorOf(Math.floor(row / inputs), row % inputs);
  });
  return b.constant(name, 'float', dims, folded);
}

function weightDims({ inputs, outputs, kernel, groups = 1 }: ConvShape): number[] {
  return [outputs, inputs / groups, kernel, kernel];
}
