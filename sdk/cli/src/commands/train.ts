import { type TrainConfig, trainConfigSchema } from '@plumbline/contract';
import { loadConfig } from '@plumbline/core/config';
import type { ImageRgb } from '@plumbline/core/image';
import type { Dataset } from '@plumbline/data/dataset';
import type { Engine, EngineChoice } from '@plumbline/train/engines';
import type { DetectorModel } from '@plumbline/train/model';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { engineOption, printEngine } from '../engine-option.js';
import { evaluateModel } from '../evaluate-model.js';
import { findBatchSize, tryBatchInProcess, usableShare } from '../find-batch.js';
import { loadOptional } from '../load-package.js';
import { parseCount } from '../option-values.js';
import { Progress, printJson } from '../output.js';
import { StopRequest } from '../stop-request.js';
import { openTrainingPage } from '../training-page.js';

interface TrainFlags {
  config: string;
  data: string;
  out: string;
  val?: string;
  engine: EngineChoice;
  seed?: number;
  maxSteps?: number;
  init?: string;
  resume?: boolean;
  findBatch?: string | true;
  ui?: string | true;
  json?: boolean;
}

export function registerTrain(program: Command): void {
  program
    .command('train')
    .description('train a detector; Ctrl-C saves a checkpoint, --resume goes on from it')
    .requiredOption('--config <file>', 'train.yaml')
    .requiredOption('--data <spec>', 'dataset to train on, for example deeppcb:DIR#train')
    .requiredOption('--out <dir>', 'folder of the run: train.json, metrics.jsonl, TensorBoard events, checkpoint')
    .option('--val <spec>', 'dataset that the model is evaluated on: at the end, and as validation.everyEpochs says')
    .addOption(engineOption())
    .option('--seed <n>', 'overrides the seed of the configuration', wholeNumber)
    .option('--max-steps <n>', 'stop after this step', wholeNumber)
    .addOption(
      new Option(
        '--init <dir>',
        'begin with the weights of this checkpoint, such as one of `plumbline model import`',
      ).conflicts('resume'),
    )
    .option('--resume', 'go on from the checkpoint in --out')
    .option(
      '--find-batch [most]',
      'train with the largest batch that memory holds, 64 at most by default; the learning rate changes in proportion',
    )
    .option('--ui [port]', 'show curves and predictions at http://127.0.0.1:PORT, any free port by default')
    .option('--json', 'print one JSON document at the end')
    .addHelpText(
      'after',
      '\nExample:\n  $ plumbline train --config models/pcb-defects-nano/train.yaml --data deeppcb:DeepPCB#train --out out/nano',
    )
    .action(runTrain);
}

const percent = (share: number) => (100 * share).toFixed(1);

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('a whole number of at least 0');
  return value;
}

async function runTrain(flags: TrainFlags): Promise<void> {
  const { loadEngine } = await loadOptional('train', '@plumbline/train', () => import('@plumbline/train/engines'));
  const { train } = await loadOptional('train', '@plumbline/train', () => import('@plumbline/train/train'));
  const { openDataset } = await loadOptional('train', '@plumbline/data', () => import('@plumbline/data/dataset'));
  const loaded = loadConfig(flags.config, trainConfigSchema);
  const seeded = flags.seed === undefined ? loaded : { ...loaded, seed: flags.seed };
  const dataset = await openDataset(flags.data);
  const validation = flags.val ? await openDataset(flags.val) : undefined;
  const engine = await loadEngine(flags.engine);
  printEngine(engine);
  process.stderr.write(`${dataset.samples.length} images, ${dataset.classes.length} classes\n`);
  const sized =
    flags.findBatch === undefined ? undefined : await sizeBatch(seeded, flags, engine, dataset.samples.length);
  const config = sized?.config ?? seeded;
  const ui =
    flags.ui === undefined
      ? undefined
      : await openTrainingPage({
          port: flags.ui,
          out: flags.out,
          data: flags.data,
          validation: validation && { spec: flags.val!, dataset: validation },
          config,
          classes: config.classes ?? dataset.classes,
          engine,
        });

  const interrupt = new AbortController();
  const stop = new StopRequest(
    () => process.stderr.write('\nstopping after this step, with a checkpoint; press Ctrl-C again to end at once\n'),
    () => process.exit(130),
  );
  void stop.requested.then(() => interrupt.abort());
  let progress: Progress | undefined;
  const { detectImage } = await import('@plumbline/train/model');
  const measure = async (model: DetectorModel, on: Dataset) => {
    const evaluation = new Progress('eval', on.samples.length, 'images');
    const detector = {
      info: { id: flags.out, classes: model.classes },
      detect: async (image: ImageRgb) => ({ detections: await detectImage(model, image) }),
    };
    return (await evaluateModel(detector, on, (done) => evaluation.update(done))).stats;
  };
  let validated: { step: number; stats: Awaited<ReturnType<typeof measure>> } | undefined;
  const result = await train({
    config,
    dataset,
    outDir: flags.out,
    resume: flags.resume === true,
    ...(flags.init === undefined ? {} : { initialWeights: flags.init }),
    signal: interrupt.signal,
    ...ui?.hooks,
    ...(validation
      ? {
          validate: async (model: DetectorModel, step: number) => {
            validated = { step, stats: await measure(model, validation) };
            return validated.stats.AP!;
          },
        }
      : {}),
    onValidation: (validation) => {
      const { step, epoch, AP, isBest } = validation;
      ui?.page.validation(validation);
      process.stderr.write(
        `step ${step}, epoch ${epoch.toFixed(2)}: AP ${percent(AP)}${isBest ? ', the best so far' : ''}\n`,
      );
    },
    ...(flags.maxSteps === undefined ? {} : { maxSteps: flags.maxSteps }),
    onStep: (metrics, totalSteps) => {
      ui?.page.step(metrics);
      progress ??= new Progress('train', Math.min(totalSteps, flags.maxSteps ?? totalSteps), 'steps', metrics.step);
      const losses = Object.entries(metrics.loss).map(([name, value]) => `${name} ${value.toFixed(3)}`);
      progress.update(
        metrics.step,
        `epoch ${metrics.epoch.toFixed(2)} lr ${metrics.learningRate.toFixed(4)} ${losses.join(' ')}`,
      );
    },
  });
  stop.dispose();
  await ui?.end(result);
  const finalStats = (on: Dataset) => (validated?.step === result.steps ? validated.stats : measure(result.model, on));
  const metrics = validation && !result.stopped ? await finalStats(validation) : null;
  const { steps, epochs, loss, imagesPerSecond, dataWaitShare, checkpoint, best, endedEarly, stopped } = result;
  if (flags.json)
    printJson({
      steps,
      epochs,
      loss,
      metrics,
      imagesPerSecond,
      dataWaitShare,
      engine: engine.name,
      ...(sized?.found ? { batch: sized.found } : {}),
      checkpoint,
      best,
      endedEarly,
      stopped,
    });
  else
    process.stdout.write(
      `${steps} steps, ${epochs.toFixed(2)} epochs, ${imagesPerSecond.toFixed(1)} images/s, ` +
        `${(100 * dataWaitShare).toFixed(1)} % of the time waiting for data\n` +
        (best ? `best: AP ${percent(best.AP)} at step ${best.step}, ${best.checkpoint}\n` : '') +
        (endedEarly ? 'ended early: no better AP for as long as validation.patience allows\n' : '') +
        `checkpoint: ${checkpoint}\n`,
    );
  if (stopped) process.stderr.write(`stopped before the end; go on with --resume\n`);
}

/** Finds the batch; a run that goes on keeps the one of its checkpoint. */
async function sizeBatch(config: TrainConfig, flags: TrainFlags, engine: Engine, images: number) {
  const { findCheckpoint, readCheckpointHeader } = await import('@plumbline/train/train');
  const { schedule } = config;
  if (flags.resume && findCheckpoint(flags.out)) {
    const { batchSize, learningRate } = readCheckpointHeader(flags.out).header.config.schedule;
    process.stderr.write(`batch ${batchSize}, as the run began\n`);
    return { config: { ...config, schedule: { ...schedule, batchSize, learningRate } }, found: undefined };
  }
  const most = typeof flags.findBatch === 'string' ? parseCount(flags.findBatch, '--find-batch') : 64;
  const budgetMb = (usableShare * process.availableMemory()) / 1e6;
  const found = await findBatchSize(
    async (batchSize) => {
      const trial = await tryBatchInProcess(flags.config, engine.name, batchSize);
      const says = trial
        ? `${trial.imagesPerSecond.toFixed(1)} images/s, ${trial.peakMb.toFixed(0)} MB`
        : 'more than there is';
      process.stderr.write(`batch ${batchSize}: ${says}\n`);
      return trial;
    },
    Math.min(most, images),
    budgetMb,
  );
  const { batchSize } = found;
  const learningRate = (schedule.learningRate * batchSize) / schedule.batchSize;
  process.stderr.write(
    `batch ${batchSize} of ${budgetMb.toFixed(0)} MB that may be used; learning rate ${schedule.learningRate} x ` +
      `${batchSize}/${schedule.batchSize} = ${Number(learningRate.toPrecision(3))}\n`,
  );
  return {
    config: { ...config, schedule: { ...schedule, batchSize, learningRate } },
    found: { ...found, learningRate },
  };
}
