import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PlumblineError, type TrainConfig } from '@plumbline/contract';
import { createRandom } from '@plumbline/core/random';
import { type Dataset, withoutCrowds } from '@plumbline/data/dataset';
import { type Batch, BatchLoader } from '@plumbline/data/loader';
import { createDetectorModel, type DetectorModel } from '../model/index.js';
import {
  findCheckpoint,
  loadTrainingState,
  loadWeights,
  readCheckpointHeader,
  runIdOf,
  writeBest,
  writeCheckpoint,
} from './checkpoint.js';
import { EventFile, type Scalars } from './event-file.js';
import { learningRateAt } from './schedule.js';
import { Sgd } from './sgd.js';
import { type StepOutcome, type StepSeconds, trainStep } from './train-step.js';
import { type ValidationState, ValidationWatch } from './validation-watch.js';
import { WeightAverage } from './weight-average.js';

/** One line of `metrics.jsonl`. */
export interface StepMetrics {
  readonly step: number;
  readonly epoch: number;
  readonly learningRate: number;
  readonly loss: Readonly<Record<string, number>>;
  readonly gradientNorm: number;
  readonly positives: readonly number[];
  /** Mean IoU of the regressed boxes with their ground truth before each stage. */
  readonly meanIou: readonly number[];
  readonly imagesPerSecond: number;
  /** Seconds of this step spent waiting for data. */
  readonly dataSeconds: number;
  /** Where its other time went. */
  readonly seconds: StepSeconds;
}

/** A line of `metrics.jsonl` of its own. */
export interface ValidationMetrics {
  readonly kind: 'validation';
  readonly step: number;
  readonly epoch: number;
  /** 0..1 */
  readonly AP: number;
  readonly isBest: boolean;
}

export interface TrainOptions {
  readonly config: TrainConfig;
  readonly dataset: Dataset;
  /** Folder of the run: resolved train.json, metrics.jsonl, TensorBoard's event files, checkpoint/. */
  readonly outDir: string;
  readonly resume?: boolean;
  /** Checkpoint folder whose weights a new run begins with, instead of random ones. */
  readonly initialWeights?: string;
  readonly maxSteps?: number;
  /** Stops after the step under way, with a checkpoint. */
  readonly signal?: AbortSignal;
  /** Before the first step of this call, with what is in `metrics.jsonl` from earlier ones. */
  readonly onStart?: (start: { readonly step: number; readonly totalSteps: number }) => void;
  readonly onStep?: (metrics: StepMetrics, totalSteps: number) => void;
  /** Looks at the model as it would be used, between steps; it must leave the model as it is. */
  readonly inspect?: { isDue(): boolean; look(model: DetectorModel, step: number): Promise<void> };
  /** Measures the model after a step; wanted by `validation.everyEpochs`. @returns AP, 0..1 */
  readonly validate?: (model: DetectorModel, step: number) => Promise<number>;
  readonly onValidation?: (validation: ValidationMetrics) => void;
}

export interface TrainResult {
  readonly steps: number;
  readonly totalSteps: number;
  readonly epochs: number;
  /** Mean of each loss over the last 50 steps of this call. */
  readonly loss: Readonly<Record<string, number>>;
  readonly imagesPerSecond: number;
  /** Share of the time of this call's steps that was spent waiting for data, 0..1. */
  readonly dataWaitShare: number;
  readonly checkpoint: string;
  /** The best validation and the folder of its weights; null where none was made. */
  readonly best: { readonly step: number; readonly AP: number; readonly checkpoint: string } | null;
  /** True when `validation.patience` ended it. */
  readonly endedEarly: boolean;
  /** True when it was interrupted before its end. */
  readonly stopped: boolean;
  readonly model: DetectorModel;
}

/**
 * Trains a detector from labelled images. The engine must be loaded before.
 * @throws {PlumblineError} PLB_TRAIN_OUT_IN_USE, PLB_TRAIN_CONFIG_CHANGED, PLB_TRAIN_DIVERGED,
 * PLB_TRAIN_VALIDATION_DATA_MISSING, PLB_TRAIN_CHECKPOINT_UNWRITABLE and those of the data and the engine
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const { outDir } = options;
  const dataset = withoutCrowds(options.dataset);
  const classes = options.config.classes ?? dataset.classes;
  const config: TrainConfig = { ...options.config, classes: [...classes] };
  const { everyEpochs } = config.validation;
  if (everyEpochs !== null && !options.validate)
    throw new PlumblineError('PLB_TRAIN_VALIDATION_DATA_MISSING', { everyEpochs });
  const existing = findCheckpoint(outDir);
  if (existing && !options.resume) throw new PlumblineError('PLB_TRAIN_OUT_IN_USE', { dir: outDir });
  mkdirSync(outDir, { recursive: true });

  const loader = new BatchLoader(dataset, config);
  try {
    return await trainWith(loader, options, config, existing);
  } finally {
    await loader.close();
  }
}

async function trainWith(
  loader: BatchLoader,
  options: TrainOptions,
  config: TrainConfig,
  existing: string | undefined,
): Promise<TrainResult> {
  const { dataset, outDir, signal } = options;
  const { batchSize, accumulateBatches, averageDecay, epochs, checkpointEverySteps } = config.schedule;
  const classes = config.classes ?? dataset.classes;
  const model = createDetectorModel(config, classes);
  const optimizer = new Sgd(model.parameters, config.schedule);
  const average = averageDecay === null ? undefined : new WeightAverage(model.parameters, averageDecay);
  const learning = { optimizer, average };
  const random = createRandom(config.seed + 1);
  const runId = runIdOf(config, dataset.name);
  const stepsPerEpoch = loader.stepsPerEpoch / accumulateBatches;
  const totalSteps = Math.ceil(epochs * stepsPerEpoch - 1e-9);
  let step = 0;
  let earlierSeconds = 0;
  let validated: ValidationState | undefined;
  if (existing) {
    refuseOtherConfig(outDir, config);
    const state = loadTrainingState(existing, model, learning);
    step = state.step;
    earlierSeconds = state.seconds;
    random.setState(state.randomState);
    validated = state.validation;
  } else if (options.initialWeights !== undefined) {
    loadWeights(readCheckpointHeader(options.initialWeights).checkpointDir, model);
    average?.restart();
  }
  writeFileSync(join(outDir, 'train.json'), `${JSON.stringify({ runId, data: dataset.name, config }, null, 2)}\n`);

  const metricsFile = join(outDir, 'metrics.jsonl');
  keepSteps(metricsFile, step);
  const events = new EventFile(outDir, step + 1);
  const watch = new ValidationWatch(config.validation, stepsPerEpoch, totalSteps, validated);
  const recent: StepMetrics[] = [];
  let dataWaitSeconds = 0;
  let stepSeconds = 0;
  const startedMs = performance.now();
  const firstStep = step;
  let savedStep = existing ? step : -1;
  const lastStep = Math.min(totalSteps, options.maxSteps ?? totalSteps);
  const save = async () => {
    const seconds = earlierSeconds + (performance.now() - startedMs) / 1000;
    const state = { step, randomState: random.getState(), seconds, validation: watch.state };
    await writeCheckpoint(outDir, model, runId, learning, state);
    savedStep = step;
  };
  /** With the weights that the model is used with. */
  const asUsed = <Result>(work: () => Promise<Result>) => (average ? average.during(work) : work());
  const validate = async () => {
    const AP = await asUsed(() => options.validate!(model, step));
    const isBest = watch.record(step, AP);
    const validation = { kind: 'validation', step, epoch: step / stepsPerEpoch, AP, isBest } as const;
    appendFileSync(metricsFile, `${JSON.stringify(validation, roundNumbers)}\n`);
    events.write(step, { 'validation/AP': AP });
    if (isBest) await writeBest(outDir, model, runId, learning, step);
    await save();
    options.onValidation?.(validation);
  };

  options.onStart?.({ step, totalSteps });
  while (step < lastStep && !signal?.aborted && !watch.isOver) {
    const stepStartedMs = performance.now();
    const batches: Batch[] = [];
    for (let i = 0; i < accumulateBatches; i++) batches.push(await loader.batch(step * accumulateBatches + i));
    const dataSeconds = (performance.now() - stepStartedMs) / 1000;
    const learningRate = learningRateAt(step, totalSteps, config.schedule);
    const outcome = await trainStep(model, optimizer, batches, learningRate, random.choose);
    refuseDivergence(outcome, step, batches, outDir);
    for (const batch of batches) batch.release();
    step++;
    average?.update(step);
    const secondsOfStep = (performance.now() - stepStartedMs) / 1000;
    dataWaitSeconds += dataSeconds;
    stepSeconds += secondsOfStep;
    const metrics: StepMetrics = {
      step,
      epoch: step / stepsPerEpoch,
      learningRate,
      ...outcome,
      imagesPerSecond: (batchSize * accumulateBatches) / secondsOfStep,
      dataSeconds,
    };
    appendFileSync(metricsFile, `${JSON.stringify(metrics, roundNumbers)}\n`);
    events.write(step, scalarsOf(metrics));
    recent.push(metrics);
    if (recent.length > 50) recent.shift();
    options.onStep?.(metrics, totalSteps);
    if (options.inspect?.isDue()) await asUsed(() => options.inspect!.look(model, step));
    if (watch.isDue(step)) await validate();
    else if (step % checkpointEverySteps === 0 && step < lastStep) await save();
    await new Promise((resolve) => setImmediate(resolve)); // lets signals through
  }
  if (savedStep !== step) await save();
  const seconds = (performance.now() - startedMs) / 1000;
  average?.swap(); // the model that is handed out is the one to use
  const { best } = watch.state;
  return {
    steps: step,
    totalSteps,
    epochs: step / stepsPerEpoch,
    loss: meanLosses(recent),
    imagesPerSecond: ((step - firstStep) * batchSize * accumulateBatches) / seconds,
    dataWaitShare: stepSeconds > 0 ? dataWaitSeconds / stepSeconds : 0,
    checkpoint: join(outDir, 'checkpoint'),
    best: best && { step: best.step, AP: best.ap, checkpoint: join(outDir, 'checkpoint-best') },
    endedEarly: watch.isOver,
    stopped: step < lastStep && !watch.isOver,
    model,
  };
}

/** What TensorBoard shows of a step. */
function scalarsOf({ loss, learningRate, gradientNorm, imagesPerSecond, dataSeconds, ...rest }: StepMetrics): Scalars {
  return {
    ...Object.fromEntries(Object.entries(loss).map(([name, value]) => [`loss/${name}`, value])),
    learning_rate: learningRate,
    gradient_norm: gradientNorm,
    'speed/images_per_second': imagesPerSecond,
    'speed/data_seconds': dataSeconds,
    ...Object.fromEntries(rest.positives.map((count, k) => [`positives/reg.${k + 1}`, count])),
    ...Object.fromEntries(rest.meanIou.map((iou, k) => [`mean_iou/reg.${k + 1}`, iou])),
  };
}

/** Takes out of the metrics what a run wrote after its last checkpoint: those steps are done again. */
function keepSteps(file: string, lastStep: number): void {
  if (!existsSync(file)) return;
  const kept = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => stepOf(line) <= lastStep);
  const fresh = `${file}.writing`;
  writeFileSync(fresh, kept.map((line) => `${line}\n`).join(''));
  renameSync(fresh, file);
}

/** Infinity for what is no line of metrics: a kill may have cut the last one. */
function stepOf(line: string): number {
  try {
    return (JSON.parse(line) as StepMetrics).step;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function refuseDivergence(outcome: StepOutcome, step: number, batches: readonly Batch[], outDir: string): void {
  const bad = Object.entries({ ...outcome.loss, gradient: outcome.gradientNorm }).find(
    ([, value]) => !Number.isFinite(value),
  );
  if (!bad) return;
  const checkpoint = findCheckpoint(outDir) ?? 'none';
  throw new PlumblineError('PLB_TRAIN_DIVERGED', {
    step,
    term: bad[0],
    imageIds: batches.flatMap((batch) => batch.imageIds).join(', '),
    checkpoint,
  });
}

function refuseOtherConfig(outDir: string, config: TrainConfig): void {
  const { header } = readCheckpointHeader(outDir);
  // How batches are made and when is validated changes nothing in the weights.
  const keys = (Object.keys(config) as (keyof TrainConfig)[]).filter((key) => key !== 'loader' && key !== 'validation');
  const changed = keys.filter((key) => JSON.stringify(config[key]) !== JSON.stringify(header.config[key]));
  if (changed.length > 0)
    throw new PlumblineError('PLB_TRAIN_CONFIG_CHANGED', { dir: outDir, keys: changed.join(', ') });
}

function meanLosses(steps: readonly StepMetrics[]): Record<string, number> {
  const names = Object.keys(steps[0]?.loss ?? {});
  return Object.fromEntries(
    names.map((name) => [name, steps.reduce((sum, s) => sum + s.loss[name]!, 0) / steps.length]),
  );
}

function roundNumbers(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
}
