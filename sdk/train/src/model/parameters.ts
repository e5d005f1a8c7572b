import type { Random } from '@plumbline/core/random';
import * as tf from '@tensorflow/tfjs-core';

/**
 * How a parameter is laid out here (NHWC engines) and in checkpoints (PyTorch):
 * `conv` [kh, kw, I, O] <-> [O, I, kh, kw]; `dense` [I, O] <-> [O, I];
 * `denseFromMap` [h * w * c, O] <-> [O, c * h * w] (the input is a flattened feature map); `vector` unchanged.
 */
export type ParameterKind = 'conv' | 'dense' | 'denseFromMap' | 'vector';

export interface Parameter {
  /** PyTorch-style path, for example `backbone.layer1.0.conv1.weight`. */
  readonly name: string;
  readonly kind: ParameterKind;
  readonly variable: tf.Variable;
  readonly trainable: boolean;
  /** Side of the pooled map in front of a `denseFromMap` weight. */
  readonly mapSize?: number;
}

export interface ConvParameters {
  readonly weight: Parameter;
  readonly bias?: Parameter;
}
export interface DenseParameters {
  readonly weight: Parameter;
  readonly bias: Parameter;
}
export interface BatchNormParameters {
  readonly scale: Parameter;
  readonly offset: Parameter;
  readonly mean: Parameter;
  readonly variance: Parameter;
}

/** Fills a fresh weight: fan-in and fan-out are given, values go to `out`. */
export type Initializer = (out: Float32Array, fanIn: number, fanOut: number, random: Random) => void;

export const zeros: Initializer = () => {};
/** He et al. 2015 as torchvision's ResNet uses it: normal, fan-out. */
export const heNormal: Initializer = (out, _fanIn, fanOut, random) => {
  const std = Math.sqrt(2 / fanOut);
  for (let i = 0; i < out.length; i++) out[i] = std * random.normal();
};
/** Glorot and Bengio 2010, uniform. */
export const xavierUniform: Initializer = (out, fanIn, fanOut, random) => {
  const bound = Math.sqrt(6 / (fanIn + fanOut));
  for (let i = 0; i < out.length; i++) out[i] = bound * (2 * random.next() - 1);
};
export const normal =
  (std: number): Initializer =>
  (out, _fanIn, _fanOut, random) => {
    for (let i = 0; i < out.length; i++) out[i] = std * random.normal();
  };

/** Creates the parameters of a model in a fixed order, so that one seed gives one initial model on every engine. */
export class ParameterStore {
  readonly parameters: Parameter[] = [];

  constructor(private readonly random: Random) {}

  conv(path: string, size: number, inputs: number, outputs: number, init: Initializer, bias = true): ConvParameters {
    const area = size * size;
    const weight = this.add(`${path}.weight`, 'conv', [size, size, inputs, outputs], (out) =>
      init(out, area * inputs, area * outputs, this.random),
    );
    return bias ? { weight, bias: this.add(`${path}.bias`, 'vector', [outputs], () => {}) } : { weight };
  }

  dense(path: string, inputs: number, outputs: number, init: Initializer, mapSize?: number): DenseParameters {
    const kind = mapSize === undefined ? 'dense' : 'denseFromMap';
    const fill = (out: Float32Array) => init(out, inputs, outputs, this.random);
    return {
      weight: this.add(`${path}.weight`, kind, [inputs, outputs], fill, true, mapSize),
      bias: this.add(`${path}.bias`, 'vector', [outputs], () => {}),
    };
  }

  batchNorm(path: string, channels: number): BatchNormParameters {
    const ones = (out: Float32Array) => void out.fill(1);
    return {
      scale: this.add(`${path}.weight`, 'vector', [channels], ones),
      offset: this.add(`${path}.bias`, 'vector', [channels], () => {}),
      mean: this.add(`${path}.running_mean`, 'vector', [channels], () => {}, false),
      variance: this.add(`${path}.running_var`, 'vector', [channels], ones, false),
    };
  }

  private add(
    name: string,
    kind: ParameterKind,
    shape: number[],
    fill: (out: Float32Array) => void,
    trainable = true,
    mapSize?: number,
  ): Parameter {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
    fill(values);
    const initial = tf.tensor(values, shape, 'float32');
    const variable = tf.variable(initial, trainable);
    initial.dispose();
    const parameter: Parameter = { name, kind, variable, trainable, ...(mapSize === undefined ? {} : { mapSize }) };
    this.parameters.push(parameter);
    return parameter;
  }
}
