import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkpointSchema, PlumblineError, trainConfigSchema } from '@plumbline/contract';
import { loadConfig, parseConfig } from '@plumbline/core/config';
import { readSafetensors } from '@plumbline/core/safetensors';
import { loadModelFolder, manifestFileName } from '@plumbline/runtime/model-folder';
import { decodeModel } from '@plumbline/runtime/onnx';
import { type Checkpoint, configKey, Weights } from './checkpoint.js';
import { readModelWeights } from './model-weights.js';

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
