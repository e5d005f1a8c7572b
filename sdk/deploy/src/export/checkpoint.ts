import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkpointSchema, PlumblineError, type TrainConfig, trainConfigSchema } from '@plumbline/contract';
import { loadConfig, parseConfig } from '@plumbline/core/config';
import { type NamedTensor, readSafetensors } from '@plumbline/core/safetensors';
import { loadModelFolder, manifestFileName } from '@plumbline/runtime/model-folder';
import { decodeModel } from '@plumbline/runtime/onnx';
import { fromFloat16Bits, toFloat16Bits } from '../half/float16.js';
import { configKey } from './detector-graph.js';
import { readModelWeights } from './model-weights.js';

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

/**
 * Reads a checkpoint (`config.json`, `weights.safetensors`) as `plumbline train` writes it, or the weights of an exported
 * model.
 * @param path the checkpoint folder, the run folder around it, or a model folder or the portable .onnx file in one
 * @throws {PlumblineError} PLB_CONFIG_UNREADABLE, PLB_CONFIG_SYNTAX or PLB_CONFIG_INVALID for config.json,
 *   PLB_DEPLOY_CHECKPOINT_UNREADABLE or PLB_CORE_SAFETENSORS_INVALID for the weights
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  // A kill between the trainer's two renames leaves only checkpoint.old.
  const candidates = [path, join(path, 'checkpoint'), join(path, 'checkpoint.old')];
  const found = candidates.find((candidate) => existsSync(join(candidate, 'config.json')));
  if (!found && (path.endsWith('.onnx') || existsSync(join(path, manifestFileName)))) return readModel(path);
  const dir = found ?? path;
  const { config, classes, step, runId } = loadConfig(join(dir, 'config.json'), checkpointSchema);
  const file = join(dir, 'weights.safetensors');
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(await readFile(file));
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new PlumblineError('PLB_DEPLOY_CHECKPOINT_UNREADABLE', { file, reason }, { cause });
  }
  return {
    source: dir,
    config,
    classes,
    step,
    runId,
    weights: new Weights(file, readSafetensors(bytes, file).tensors),
  };
}

/**
 * A model folder or its portable file as the checkpoint that it was exported from, as far as the graph depends on it. The
 * configuration is in the file; of older files it is the train.yaml beside them.
 */
async function readModel(path: string): Promise<Checkpoint> {
  const { dir, manifest, modelPath } = await loadModelFolder(path);
  const model = decodeModel(await readFile(modelPath), modelPath);
  const metadata = new Map(model.metadata_props?.map(({ key, value }) => [key, value]));
  const stored = metadata.get(configKey);
  const config =
    stored === undefined
      ? loadConfig(join(dir, 'train.yaml'), trainConfigSchema)
      : parseConfig(`${modelPath} (${configKey})`, stored, trainConfigSchema);
  const weights = new Weights(modelPath, readModelWeights(model, config, modelPath));
  const step = Number(metadata.get('plumbline.step') ?? 0);
  const { classes, trainingRunId: runId = '', id, version } = manifest;
  return { source: path, config, classes, step, runId, weights, identity: { id, version } };
}
