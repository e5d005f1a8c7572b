import { PlumblineError, type TrainConfig } from '@plumbline/contract';
import type { NamedTensor } from '@plumbline/core/safetensors';
import { fromFloat16Bits, toFloat16Bits } from '../half/float16.js';

/** Metadata of an exported file that holds the configuration as JSON. */
export const configKey = 'plumbline.config';

/** A trained detector: its resolved configuration and its weights in PyTorch layout and names. */
export interface Checkpoint {
  /** Names the source in errors. */
  readonly source: string;
  readonly config: TrainConfig;
  readonly classes: readonly string[];
  readonly step: number;
  readonly runId: string;
  readonly weights: Weights;
  /** Name and version of the model folder that it was read from. */
  readonly identity?: { readonly id: string; readonly version: string };
}

/** Tensors by name; a wrong or missing one is reported with the shape that the configuration asks for. */
export class Weights {
  constructor(
    private readonly file: string,
    private readonly tensors: ReadonlyMap<string, NamedTensor>,
  ) {}

  /** The same weights with every matrix and kernel rounded to the nearest float16; vectors stay as they are. */
  roundedToFloat16(): Weights {
    const rounded = [...this.tensors].map(([name, tensor]) => {
      if (tensor.shape.length < 2 || !(tensor.data instanceof Float32Array)) return [name, tensor] as const;
      const data = tensor.data.map((value) => fromFloat16Bits(toFloat16Bits(value)));
      return [name, { ...tensor, data }] as const;
    });
    return new Weights(this.file, new Map(rounded));
  }

  /** Every tensor by name. */
  entries(): ReadonlyMap<string, NamedTensor> {
    return this.tensors;
  }

  /**
   * @returns the tensor's values, row-major
   * @throws {PlumblineError} PLB_DEPLOY_CHECKPOINT_TENSOR when it is missing or has another shape,
   *   PLB_DEPLOY_WEIGHTS_INVALID when a number is not finite
   */
  get(name: string, shape: readonly number[]): Float32Array {
    const tensor = this.tensors.get(name);
    const expected = `[${shape}]`;
    if (!tensor || `[${tensor.shape}]` !== expected || !(tensor.data instanceof Float32Array)) {
      const actual = tensor ? `${tensor.data.constructor.name} [${tensor.shape}]` : 'absent';
      throw new PlumblineError('PLB_DEPLOY_CHECKPOINT_TENSOR', { file: this.file, name, actual, expected });
    }
    const bad = tensor.data.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) {
      // Nodes are named as the layers of the checkpoint.
      const node = name.replace(/\.[^.]*$/, '');
      const problem = `value ${bad} is ${tensor.data[bad]}`;
      throw new PlumblineError('PLB_DEPLOY_WEIGHTS_INVALID', { file: this.file, node, tensor: name, problem });
    }
    return tensor.data;
  }
}
