import type { Weights } from './checkpoint.js';
import type { GraphBuilder, Value } from './graph-builder.js';

const batchNormEpsilon = 1e-5;

export interface ConvShape {
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly stride?: number;
}

/** Convolution with bias and symmetric zero padding of kernel / 2. */
export function conv(
  b: GraphBuilder,
  name: string,
  x: Value,
  { inputs, outputs, kernel, stride = 1 }: ConvShape,
  { weight, bias }: { weight: ArrayLike<number>; bias: ArrayLike<number> },
): Value {
  const pad = Math.floor(kernel / 2);
  const w = b.constant(`${name}.weight`, 'float', [outputs, inputs, kernel, kernel], weight);
  return b.op(name, 'Conv', [x, w, b.constant(`${name}.bias`, 'float', [outputs], bias)], {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: [pad, pad, pad, pad],
  });
}

/** Weight and bias of a convolution that carries its own bias. */
export function convWeights(weights: Weights, path: string, { inputs, outputs, kernel }: ConvShape) {
  return {
    weight: weights.get(`${path}.weight`, [outputs, inputs, kernel, kernel]),
    bias: weights.get(`${path}.bias`, [outputs]),
  };
}

/** Weight and bias (float64) of a convolution with the batch norm after it folded in. */
export function foldBatchNorm(
  weights: Weights,
  convPath: string,
  bnPath: string,
  { inputs, outputs, kernel }: ConvShape,
) {
  const weight = Float64Array.from(weights.get(`${convPath}.weight`, [outputs, inputs, kernel, kernel]));
  const [scale, offset, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map((part) =>
    weights.get(`${bnPath}.${part}`, [outputs]),
  ) as [Float32Array, Float32Array, Float32Array, Float32Array];
  const bias = new Float64Array(outputs);
  const perOutput = weight.length / outputs;
  for (let o = 0; o < outputs; o++) {
    const factor = scale[o]! / Math.sqrt(variance[o]! + batchNormEpsilon);
    bias[o] = offset[o]! - mean[o]! * factor;
    for (let i = 0; i < perOutput; i++) weight[o * perOutput + i]! *= factor;
  }
  return { weight, bias };
}
