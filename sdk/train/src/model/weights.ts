import { PlumblineError } from '@plumbline/contract';
import type { NamedTensor } from '@plumbline/core/safetensors';
import * as tf from '@tensorflow/tfjs-core';
import { inScope, read } from '../engines/index.js';
import type { Parameter } from './parameters.js';

/** Shape of a parameter in PyTorch's layout. */
export function storedShape(parameter: Parameter): number[] {
  const shape = parameter.variable.shape;
  if (parameter.kind === 'conv') return [shape[3]!, shape[2]!, shape[0]!, shape[1]!];
  if (parameter.kind === 'vector') return [...shape];
  return [shape[1]!, shape[0]!];
}

export interface StoredValue {
  readonly shape: number[];
  readonly data: Float32Array;
}

/** Brings a value from the layout of the engines to PyTorch's; `value` may be the parameter's momentum as well. */
export function toStored(parameter: Parameter, value: tf.Tensor): StoredValue {
  const permuted = tf.tidy(() => tf.clone(inStoredLayout(parameter, value)));
  const data = Float32Array.from(permuted.dataSync());
  permuted.dispose();
  return { shape: storedShape(parameter), data };
}

/** {@link toStored} of many values on any engine, by the name of the parameter. */
export async function storedValues(
  values: Iterable<readonly [Parameter, tf.Tensor]>,
): Promise<Map<string, StoredValue>> {
  const stored = new Map<string, StoredValue>();
  for (const [parameter, value] of values) {
    const data = await inScope(function* () {
      return Float32Array.from(yield* read(inStoredLayout(parameter, value)));
    });
    stored.set(parameter.name, { shape: storedShape(parameter), data });
  }
  return stored;
}

function inStoredLayout(parameter: Parameter, value: tf.Tensor): tf.Tensor {
  if (parameter.kind === 'conv') return tf.transpose(value, [3, 2, 0, 1]);
  if (parameter.kind === 'dense') return tf.transpose(value);
  if (parameter.kind === 'vector') return value;
  const side = parameter.mapSize!;
  const channels = value.shape[0]! / (side * side);
  const map = tf.reshape(value, [side, side, channels, value.shape[1]!]);
  return tf.reshape(tf.transpose(map, [3, 2, 0, 1]), storedShape(parameter));
}

/** The inverse of {@link toStored}: a tensor in the layout of the engines. */
export function fromStored(parameter: Parameter, stored: NamedTensor): tf.Tensor {
  return tf.tidy(() => {
    const value = tf.tensor(Float32Array.from(stored.data as Float32Array), [...stored.shape], 'float32');
    if (parameter.kind === 'conv') return tf.transpose(value, [2, 3, 1, 0]);
    if (parameter.kind === 'dense') return tf.transpose(value);
    if (parameter.kind === 'denseFromMap') {
      const side = parameter.mapSize!;
      const [outputs, inputs] = stored.shape as [number, number];
      const map = tf.reshape(value, [outputs, inputs / (side * side), side, side]);
      return tf.reshape(tf.transpose(map, [2, 3, 1, 0]), [inputs, outputs]);
    }
    return value;
  });
}

/** All parameters in PyTorch's layout, in creation order. */
export function exportWeights(parameters: readonly Parameter[]): Map<string, { shape: number[]; data: Float32Array }> {
  return new Map(parameters.map((parameter) => [parameter.name, toStored(parameter, parameter.variable)]));
}

/**
 * Loads every parameter; nothing is loaded when one does not fit.
 * @throws {PlumblineError} PLB_TRAIN_WEIGHTS_MISMATCH naming the first key that is missing, unknown or misshapen
 */
export function importWeights(
  parameters: readonly Parameter[],
  tensors: ReadonlyMap<string, NamedTensor>,
  file: string,
): void {
  const mismatch = (key: string, actual: string, expected: string) =>
    new PlumblineError('PLB_TRAIN_WEIGHTS_MISMATCH', { file, key, actual, expected });
  const known = new Set(parameters.map((parameter) => parameter.name));
  for (const key of tensors.keys())
    if (!known.has(key)) throw mismatch(key, 'present', 'no such parameter in this model');
  for (const parameter of parameters) {
    const stored = tensors.get(parameter.name);
    const expected = `[${storedShape(parameter)}]`;
    if (!stored) throw mismatch(parameter.name, 'absent', expected);
    if (`[${stored.shape}]` !== expected) throw mismatch(parameter.name, `[${stored.shape}]`, expected);
  }
  for (const parameter of parameters) {
    const value = fromStored(parameter, tensors.get(parameter.name)!);
    parameter.variable.assign(value);
    value.dispose();
  }
}
