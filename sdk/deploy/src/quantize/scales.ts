import { roundHalfEven } from '@plumbline/core/geometry';
import type { Range } from './range-collectors.js';

/** Integers of one tensor: real = scale * (integer - zeroPoint). */
export interface QuantParams {
  /** float32 values: one, or one per channel. */
  readonly scale: Float32Array;
  /** As many. */
  readonly zeroPoint: Int32Array;
  readonly type: 'uint8' | 'int8';
}

export interface IntegerSettings {
  readonly type: 'uint8' | 'int8';
  readonly isSymmetric: boolean;
  /** 7 bits instead of 8, for processors whose 8-bit products saturate. */
  readonly isReduced?: boolean;
}

/** Lowest and highest integer in use; a symmetric int8 leaves out -128. */
export function integerLimits({ type, isSymmetric, isReduced = false }: IntegerSettings): readonly [number, number] {
  if (type === 'uint8') return [0, isReduced ? 127 : 255];
  if (isReduced) return [-64, 64];
  return isSymmetric ? [-127, 127] : [-128, 127];
}

/** Smallest normal float32; a range this narrow holds one value. */
const smallestScale = 2 ** -126;

/**
 * Scale and zero point of a range, which is widened to hold 0. A range without extent, such as that of an activation
 * that is always 0, gets scale 1.
 * Source: ONNX Runtime 1.30 quant_utils.compute_scale_zp: float64, the zero point rounded (half to even) before the
 * scale becomes float32.
 */
export function scaleOfRange({ low, high }: Range, settings: IntegerSettings): { scale: number; zeroPoint: number } {
  const [lowest, highest] = integerLimits(settings);
  let [from, to] = [Math.min(low, 0), Math.max(high, 0)];
  if (settings.isSymmetric) {
    to = Math.max(Math.abs(from), Math.abs(to));
    from = -to;
  }
  const scale = (to - from) / (highest - lowest);
  if (scale < smallestScale) return { scale: 1, zeroPoint: 0 };
  const zeroPoint = roundHalfEven(settings.isSymmetric ? (lowest + highest) / 2 : lowest - from / scale);
  return { scale: Math.fround(scale), zeroPoint };
}

/**
 * Scales of a weight, one per channel along `axis` or one for all.
 * @param dims of the weight, row-major
 */
export function scalesOfWeight(
  values: Float32Array,
  dims: readonly number[],
  axis: number | undefined,
  settings: IntegerSettings,
): QuantParams {
  const channels = axis === undefined ? 1 : dims[axis]!;
  const low = new Float64Array(channels).fill(Number.POSITIVE_INFINITY);
  const high = new Float64Array(channels).fill(Number.NEGATIVE_INFINITY);
  forEachChannel(values, dims, axis, (value, channel) => {
    if (value < low[channel]!) low[channel] = value;
    if (value > high[channel]!) high[channel] = value;
  });
  const found = Array.from(low, (from, channel) => scaleOfRange({ low: from, high: high[channel]! }, settings));
  return {
    scale: Float32Array.from(found, ({ scale }) => scale),
    zeroPoint: Int32Array.from(found, ({ zeroPoint }) => zeroPoint),
    type: settings.type,
  };
}

/**
 * Integers of a weight: round half to even, then limited to the whole range of the type.
 * @returns int8 or uint8 values, row-major
 */
export function quantizeWeight(
  values: Float32Array,
  dims: readonly number[],
  axis: number | undefined,
  { scale, zeroPoint, type }: QuantParams,
): Int8Array | Uint8Array {
  const [lowest, highest] = type === 'int8' ? [-128, 127] : [0, 255];
  const out = type === 'int8' ? new Int8Array(values.length) : new Uint8Array(values.length);
  forEachChannel(values, dims, axis, (value, channel, at) => {
    const integer = roundHalfEven(Math.fround(value / scale[channel]!)) + zeroPoint[channel]!;
    out[at] = Math.min(Math.max(integer, lowest), highest);
  });
  return out;
}

/** int32 bias in steps of input scale times weight scale, zero point 0. */
export function quantizeBias(
  bias: Float32Array,
  inputScale: number,
  weightScale: Float32Array,
): { integers: Int32Array; scale: Float32Array } {
  const scale = weightScale.map((value) => inputScale * value);
  const integers = Int32Array.from(bias, (value, i) => {
    const step = scale.length === 1 ? scale[0]! : scale[i]!;
    return Math.min(Math.max(roundHalfEven(value / step), -(2 ** 31)), 2 ** 31 - 1);
  });
  return { integers, scale };
}

/**
 * Raises weight scales whose product with the input's scale is too fine for the bias to fit into int32.
 * Source: ONNX Runtime 1.30, QDQDisableWeightAdjustForInt32Bias off.
 */
export function fitBias(weightScale: Float32Array, inputScale: number, bias: Float32Array): Float32Array {
  const magnitudes = bias.map(Math.abs);
  return weightScale.map((scale, i) => {
    const magnitude = weightScale.length === 1 ? magnitudes.reduce((a, b) => Math.max(a, b), 0) : magnitudes[i]!;
    const smallest = (1.0001 * 2 * magnitude) / (2 ** 32 - 2);
    const product = inputScale * scale;
    return product > 0 && product < smallest ? scale * (smallest / product) : scale;
  });
}

/** Calls `use` for each value with its position along `axis` (0 without one) and its flat index. */
function forEachChannel(
  values: Float32Array,
  dims: readonly number[],
  axis: number | undefined,
  use: (value: number, channel: number, at: number) => void,
): void {
  const inner = axis === undefined ? values.length : dims.slice(axis + 1).reduce((product, side) => product * side, 1);
  const channels = axis === undefined ? 1 : dims[axis]!;
  for (let at = 0; at < values.length; at++) use(values[at]!, Math.floor(at / inner) % channels, at);
}
