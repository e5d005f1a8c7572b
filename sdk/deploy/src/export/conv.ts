import type { Weights } from './checkpoint.js';
import type { GraphBuilder, Value } from './graph-builder.js';

const batchNormEpsilon = 1e-5;

export interface ConvShape {
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly stride?: number;
}

/** A convolution's weight [O, I, k, k] as a value of the graph, and its bias [O]. */
export interface ConvParameters {
  readonly weight: Value;
  readonly bias: ArrayLike<number>;
}

/** Convolution with bias and symmetric zero padding of kernel / 2. */
export function conv(
  b: GraphBuilder,
  name: string,
  x: Value,
  { kernel, outputs, stride = 1 }: ConvShape,
  { weight, bias }: ConvParameters,
): Value {
  const pad = Math.floor(kernel / 2);
  return b.op(name, 'Conv', [x, weight, b.constant(`${name}.bias`, 'float', [outputs], bias)], {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: [pad, pad, pad, pad],
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
  const { inputs, outputs, kernel } = shape;
  const weight = weights.get(`${convPath}.weight`, weightDims(shape));
  const [scale, offset, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map((part) =>
    weights.get(`${bnPath}.${part}`, [outputs]),
  ) as [Float32Array, Float32Array, Float32Array, Float32Array];
  const factors = Float64Array.from(scale, (value, o) => value / Math.sqrt(variance[o]! + batchNormEpsilon));
  const bias = Float64Array.from(offset, (value, o) => value - mean[o]! * factors[o]!);
  const area = kernel * kernel;
  const factorOf = (o: number, i: number) => factors[o]! * (inputScale?.[i] ?? 1);
  const name = `${convPath}.weight`;
  if (b.isStoredHalf(weight)) {
    const columns = inputScale ? inputs : 1;
    const perRow = Float64Array.from({ length: outputs * columns }, (_, k) =>
      factorOf(Math.floor(k / columns), k % columns),
    );
    const factor = b.constant(`${name}.factor`, 'float', [outputs, columns, 1, 1], perRow);
    return { weight: b.op(`${name}.folded`, 'Mul', [b.weight(name, weightDims(shape), weight), factor]), bias };
  }
  const folded = Float64Array.from(weight, (value, k) => {
    const row = Math.floor(k / area);
    return value * factorOf(Math.floor(row / inputs), row % inputs);
  });
  return { weight: b.constant(name, 'float', weightDims(shape), folded), bias };
}

function weightDims({ inputs, outputs, kernel }: ConvShape): number[] {
  return [outputs, inputs, kernel, kernel];
}
