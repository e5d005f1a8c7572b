import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { PlumblineError, type TrainConfig, trainConfigSchema } from '@plumbline/contract';
import { readSafetensors, writeSafetensors } from '@plumbline/core/safetensors';
import { type DetectorModel, importWeights, storedValues } from '../model/index.js';
import { fromStored } from '../model/weights.js';
import type { Sgd } from './sgd.js';
import type { ValidationState } from './validation-watch.js';
import type { WeightAverage } from './weight-average.js';

/** What a run changes beside the weights. */
export interface Learning {
  readonly optimizer: Sgd;
  /** With `schedule.averageDecay`: what the model is used with. */
  readonly average?: WeightAverage | undefined;
}

/** With an average, weights.safetensors holds it, and this file the weights that training goes on from. */
const trainingWeights = 'training-weights.safetensors';

/** What a run must remember besides tensors to go on exactly where it stopped. */
export interface RunState {
  readonly step: number;
  readonly randomState: readonly [number, number, number, number];
  readonly seconds: number;
  readonly validation?: ValidationState;
}

/** `config.json` of a checkpoint folder. */
export interface CheckpointHeader {
  readonly schema: 'plumbline.checkpoint/1';
  readonly runId: string;
  readonly step: number;
  readonly classes: readonly string[];
  readonly config: TrainConfig;
}

/**
 * Writes a checkpoint as a whole folder beside the old one and renames it into place, so that a kill at any moment
 * leaves a valid one: DIR/checkpoint with config.json, weights.safetensors, optimizer.safetensors and state.json; with an average also
 * training-weights.safetensors.
 * @throws {PlumblineError} PLB_TRAIN_CHECKPOINT_UNWRITABLE
 */
export async function writeCheckpoint(
  dir: string,
  model: DetectorModel,
  runId: string,
  { optimizer, average }: Learning,
  state: RunState,
): Promise<void> {
  const trainable = model.parameters.filter((parameter) => parameter.trainable);
  const momenta = await storedValues(
    trainable.map((parameter) => [parameter, optimizer.velocity.get(parameter.name)!] as const),
  );
  replaceFolder(dir, 'checkpoint', {
    ...(await modelFiles(model, runId, state.step, average)),
    ...(average ? { [trainingWeights]: await weightsOf(model) } : {}),
    'optimizer.safetensors': writeSafetensors(momenta),
    'state.json': Buffer.from(JSON.stringify(state)),
  });
}

/**
 * Writes the weights of the best validation beside the checkpoint: DIR/checkpoint-best with config.json and
 * weights.safetensors, for everything that opens a checkpoint but --resume.
 * @throws {PlumblineError} PLB_TRAIN_CHECKPOINT_UNWRITABLE
 */
export async function writeBest(
  dir: string,
  model: DetectorModel,
  runId: string,
  { average }: Learning,
  step: number,
): Promise<void> {
  replaceFolder(dir, 'checkpoint-best', await modelFiles(model, runId, step, average));
}

/** What every checkpoint has. */
async function modelFiles(model: DetectorModel, runId: string, step: number, average: WeightAverage | undefined) {
  const { classes, config } = model;
  const header: CheckpointHeader = { schema: 'plumbline.checkpoint/1', runId, step, classes, config };
  return {
    'config.json': Buffer.from(JSON.stringify(header, null, 2)),
    'weights.safetensors': await weightsOf(model, average),
  };
}

async function weightsOf(model: DetectorModel, average?: WeightAverage): Promise<Uint8Array> {
  const values = model.parameters.map(
    (parameter) => [parameter, average?.of(parameter) ?? parameter.variable] as const,
  );
  return writeSafetensors(await storedValues(values));
}

/** @throws {PlumblineError} PLB_TRAIN_CHECKPOINT_UNWRITABLE; the former checkpoint is as it was */
function replaceFolder(dir: string, name: string, files: Readonly<Record<string, Uint8Array>>): void {
  const fresh = join(dir, `${name}.writing`);
  const current = join(dir, name);
  const old = join(dir, `${name}.old`);
  try {
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh, { recursive: true });
    for (const [name, content] of Object.entries(files)) writeDurably(join(fresh, name), content);
  } catch (cause) {
    rmSync(fresh, { recursive: true, force: true });
    const bytes = Object.values(files).reduce((sum, content) => sum + content.byteLength, 0);
    const reason = cause instanceof Error ? cause.message : String(cause);
    const kept = findCheckpoint(dir) ?? 'none';
    throw new PlumblineError('PLB_TRAIN_CHECKPOINT_UNWRITABLE', { dir: fresh, bytes, reason, kept }, { cause });
  }
  // Where only the old one is left by a kill between two renames, it stays until the new one has its name.
  if (existsSync(current)) {
    rmSync(old, { recursive: true, force: true });
    renameSync(current, old);
  }
  renameSync(fresh, current);
  rmSync(old, { recursive: true, force: true });
  syncFolder(dir);
}

function writeDurably(file: string, content: Uint8Array): void {
  const descriptor = openSync(file, 'w');
  try {
    writeFileSync(descriptor, content); // goes on after a short write, where writeSync does not
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Makes renames durable; Windows has no such thing and refuses. */
function syncFolder(dir: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(dir, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The valid checkpoint folder of a run: a kill between the two renames leaves only the old one. */
export function findCheckpoint(dir: string): string | undefined {
  const candidates = [join(dir, 'checkpoint'), join(dir, 'checkpoint.old'), dir];
  return candidates.find(
    (candidate) => existsSync(join(candidate, 'config.json')) && existsSync(join(candidate, 'weights.safetensors')),
  );
}

/**
 * Reads `config.json` of a checkpoint.
 * @param dir a checkpoint folder or the --out folder of a run
 * @throws {PlumblineError} PLB_TRAIN_CHECKPOINT_INVALID
 */
export function readCheckpointHeader(dir: string): { header: CheckpointHeader; checkpointDir: string } {
  const checkpointDir = findCheckpoint(dir);
  if (!checkpointDir)
    throw new PlumblineError('PLB_TRAIN_CHECKPOINT_INVALID', { file: dir, reason: 'no checkpoint in this folder' });
  const file = join(checkpointDir, 'config.json');
  const invalid = (reason: string, cause?: unknown) =>
    new PlumblineError('PLB_TRAIN_CHECKPOINT_INVALID', { file, reason }, { cause });
  let raw: CheckpointHeader;
  try {
    raw = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw invalid('not JSON', cause);
  }
  if (raw.schema !== 'plumbline.checkpoint/1')
    throw invalid(`schema is ${raw.schema}, this version reads plumbline.checkpoint/1`);
  const config = trainConfigSchema.safeParse(raw.config);
  if (!config.success) throw invalid(config.error.issues[0]?.message ?? 'invalid configuration');
  if (!Array.isArray(raw.classes) || raw.classes.length === 0) throw invalid('no class names');
  return { header: { ...raw, config: config.data }, checkpointDir };
}

/** Loads the weights of a checkpoint folder, averages if it has them, into a model of the same shape. */
export function loadWeights(checkpointDir: string, model: DetectorModel, name = 'weights.safetensors'): void {
  const file = join(checkpointDir, name);
  importWeights(model.parameters, readSafetensors(readFileSync(file), file).tensors, file);
}

/** Loads averages, momenta and run state as well. */
export function loadTrainingState(
  checkpointDir: string,
  model: DetectorModel,
  { optimizer, average }: Learning,
): RunState {
  loadWeights(checkpointDir, model);
  if (average) {
    average.restart();
    loadWeights(checkpointDir, model, trainingWeights);
  }
  const file = join(checkpointDir, 'optimizer.safetensors');
  const { tensors } = readSafetensors(readFileSync(file), file);
  for (const parameter of model.parameters) {
    const stored = tensors.get(parameter.name);
    if (!parameter.trainable || !stored) continue;
    const value = fromStored(parameter, stored);
    optimizer.velocity.get(parameter.name)!.assign(value);
    value.dispose();
  }
  return JSON.parse(readFileSync(join(checkpointDir, 'state.json'), 'utf8'));
}

/** Identifies a run by its resolved configuration and data; `loader` and `validation` change no step and do not count. */
export function runIdOf({ loader, validation, ...config }: TrainConfig, dataName: string): string {
  return createHash('sha256')
    .update(JSON.stringify([config, dataName]))
    .digest('hex')
    .slice(0, 12);
}
