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
  /** In the layout of the engines. */
  readonly shape: readonly number[];
  /** Absent from the shapes that {@link ParameterStore.ofShapes} records: those count a model, they do not run it. */
  readonly variable: tf.Variable;
  readonly trainable: boolean;
  /** A running statistic: kept in checkpoints, set by no gradient, not counted as a parameter. */
  readonly isStatistic: boolean;
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
export interface GroupNormParameters {
  readonly scale: Parameter;
  readonly offset: Parameter;
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
/** torch.nn.Linear's own, weights and biases alike: uniform within 1 / sqrt(fan-in). */
export const torchUniform: Initializer = (out, fanIn, _fanOut, random) => {
  const bound = 1 / Math.sqrt(fanIn);
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
  private isFrozen = false;

  /** @param random source of initial weights; null records shapes only, without an engine and without memory */
  constructor(private readonly random: Random | null) {}

  /** A store that records what a model would be made of; nothing is allocated. */
  static ofShapes(): ParameterStore {
    return new ParameterStore(null);
  }

  /** What `create` makes stays as it is in training when `isFrozen`. */
  freezing<T>(isFrozen: boolean, create: () => T): T {
    const before = this.isFrozen;
    this.isFrozen ||= isFrozen;
    try {
      return create();
    } finally {
      this.isFrozen = before;
    }
  }

  /** @param inputs input channels of one group; the fan-out of the initialiser counts all groups, as in PyTorch */
  conv(path: string, size: number, inputs: number, outputs: number, init: Initializer, bias = true): ConvParameters {
    const area = size * size;
    const weight = this.add(`${path}.weight`, 'conv', [size, size, inputs, outputs], (out, random) =>
      init(out, area * inputs, area * outputs, random),
    );
    return bias ? { weight, bias: this.add(`${path}.bias`, 'vector', [outputs], () => {}) } : { weight };
  }

  dense(
    path: string,
    inputs: number,
    outputs: number,
    init: Initializer,
    { mapSize, biasInit = zeros }: { mapSize?: number; biasInit?: Initializer } = {},
  ): DenseParameters {
    const kind = mapSize === undefined ? 'dense' : 'denseFromMap';
    return {
      weight: this.add(
        `${path}.weight`,
        kind,
        [inputs, outputs],
        (out, random) => init(out, inputs, outputs, random),
        mapSize === undefined ? {} : { mapSize },
      ),
      bias: this.add(`${path}.bias`, 'vector', [outputs], (out, random) => biasInit(out, inputs, outputs, random)),
    };
  }

  batchNorm(path: string, channels: number): BatchNormParameters {
    return {
      ...this.groupNorm(path, channels),
      mean: this.add(`${path}.running_mean`, 'vector', [channels], () => {}, { isStatistic: true }),
      variance: this.add(`${path}.running_var`, 'vector', [channels], (out) => out.fill(1), { isStatistic: true }),
    };
  }

  groupNorm(path: string, channels: number): GroupNormParameters {
    return {
      scale: this.add(`${path}.weight`, 'vector', [channels], (out) => out.fill(1)),
      offset: this.add(`${path}.bias`, 'vector', [channels], () => {}),
    };
  }

  private add(
    name: string,
    kind: ParameterKind,
    shape: number[],
    fill: (out: Float32Array, random: Random) => void,
    extra: { mapSize?: number; isStatistic?: boolean } = {},
  ): Parameter {
    const { isStatistic = false, ...rest } = extra;
    const trainable = !isStatistic && !this.isFrozen;
    const recorded = { name, kind, shape, trainable, isStatistic, ...rest };
    const parameter = this.random
      ? { ...recorded, variable: initialVariable(shape, trainable, (out) => fill(out, this.random!)) }
      : (recorded as unknown as Parameter);
    this.parameters.push(parameter);
    return parameter;
  }
}

function initialVariable(shape: number[], trainable: boolean, fill: (out: Float32Array) => void): tf.Variable {
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
  fill(values);
  const initial = tf.tensor(values, shape, 'float32');
  const variable = tf.variable(initial, trainable);
  initial.dispose();
  return variable;
}
