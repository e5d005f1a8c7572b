import { join } from 'node:path';
import type { TrainConfig } from '@plumbline/contract';
import type { Dataset } from '@plumbline/data/dataset';
import type { Engine } from '@plumbline/train/engines';
import type { TrainingPage } from '@plumbline/train/page';
import type { TrainOptions, TrainResult } from '@plumbline/train/train';
import { parsePort } from './option-values.js';

interface PageOptions {
  /** As `--ui` gives it: true without a port. */
  readonly port: string | true;
  readonly out: string;
  readonly data: string;
  readonly validation: { readonly spec: string; readonly dataset: Dataset } | undefined;
  readonly config: TrainConfig;
  readonly classes: readonly string[];
  readonly engine: Engine;
}

/** Opens the training page, prints its address and connects it to a run. */
export async function openTrainingPage(options: PageOptions) {
  const { PredictionPictures, TrainingPage } = await import('@plumbline/train/page');
  const { out, validation, engine, config } = options;
  const pictures = validation && new PredictionPictures(validation.dataset);
  const port = options.port === true ? 0 : parsePort(options.port, '--ui');
  const page = await TrainingPage.open(port, pictures);
  process.stderr.write(`training page ${page.url}\n`);
  const facts = {
    out,
    data: options.data,
    validation: validation?.spec ?? null,
    engine: `${engine.name} ${engine.version}${engine.device ? ` on ${engine.device}` : ''}`,
    model: describeModel(config),
    classes: options.classes,
    imagesPerStep: config.schedule.batchSize * config.schedule.accumulateBatches,
    scoreThreshold: 0.5,
  };
  return {
    hooks: {
      onStart: ({ totalSteps }) => page.begin({ ...facts, totalSteps }, join(out, 'metrics.jsonl')),
      inspect: { isDue: () => page.isLookDue(), look: (model, step) => page.look(model, step) },
    } satisfies Partial<TrainOptions>,
    page,
    end: (result: TrainResult) => closePage(page, result),
  };
}

async function closePage(page: TrainingPage, { steps, stopped, endedEarly }: TrainResult): Promise<void> {
  const why = stopped
    ? 'stopped, --resume goes on'
    : endedEarly
      ? 'no better AP for as long as validation.patience allows'
      : 'done';
  page.end({ step: steps, why });
  await page.close();
}

function describeModel({ model, imageSizeHw: [height, width] }: TrainConfig): string {
  const { kind, regressors, backbone, fpn } = model;
  const stages = kind === 'faster' ? '' : `, ${regressors} regressor${regressors > 1 ? 's' : ''}`;
  return `${kind}${stages}; backbone ${backbone.blocks.join('-')}, width ${backbone.width}; FPN ${fpn.channels}; ${width} x ${height} px`;
}
