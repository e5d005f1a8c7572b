import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PlumblineError } from '@plumbline/contract';
import type { CocoEvaluation } from '@plumbline/data/eval';
import type { Command } from 'commander';
import {
  checkReportOptions,
  type ReportOptions,
  type ReportRequest,
  writeFilesReport,
  writeModelReport,
} from '../eval-report.js';
import { evaluateModel } from '../evaluate-model.js';
import { loadOptional } from '../load-package.js';
import { openModel } from '../open-model.js';
import { parseCount } from '../option-values.js';
import { Progress, printJson } from '../output.js';

interface EvalOptions extends ReportOptions {
  gt?: string;
  dt?: string;
  model?: string;
  data?: string;
  limit?: string;
  dtOut?: string;
  protocol: string;
  json?: boolean;
}

const protocols = ['coco'];

export function registerEval(program: Command): void {
  program
    .command('eval')
    .description('measure detections, or a model on labelled images')
    .option('--gt <file>', 'ground truth, COCO annotation file')
    .option('--dt <file>', 'detections, COCO results file')
    .option('--model <path>', 'model folder, .onnx in one, or checkpoint folder')
    .option('--data <spec>', 'labelled images, e.g. deeppcb:DIR#val-report')
    .option('--limit <n>', 'only the first n images of --data')
    .option('--dt-out <file>', 'write the detections of --model as COCO results')
    .option('--protocol <name>', `one of ${protocols.join(', ')}`, 'coco')
    .option('--html <file>', 'write a report as one HTML file')
    .option('--images <dir>', 'folder of the images of --gt, for the pictures of the report')
    .option('--compare <path>', 'report: set beside a second COCO results file or, with --data, a second model')
    .option('--score <s>', 'report: a detection counts as a call from this score on (default: 0.5)')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExamples:\n  $ plumbline eval --gt gt.json --dt detections.json' +
        '\n  $ plumbline eval --model models/pcb-defects-nano --data deeppcb:./deeppcb#val-report --json' +
        '\n  $ plumbline eval --model models/pcb-defects-nano --data deeppcb:./deeppcb#val-report --html report.html',
    )
    .action(async (options: EvalOptions) => {
      const run = checkUsage(options);
      const report = await run();
      if (options.json) printJson(report);
      else process.stdout.write(asText(report));
    });
}

interface EvalReport extends Pick<CocoEvaluation, 'stats' | 'perIou' | 'perClass'> {
  protocol: string;
  images: number;
  imagesPerSecond?: number;
  model?: Readonly<Record<string, unknown>>;
}

/** Refuses combinations that mean nothing, before any package is loaded. */
function checkUsage(options: EvalOptions): () => Promise<EvalReport> {
  const { gt, dt, model, data, limit, dtOut, protocol } = options;
  const usage = (problem: string, accepted: string) => new PlumblineError('PLB_CLI_USAGE', { problem, accepted });
  if (!protocols.includes(protocol)) throw usage(`--protocol is "${protocol}"`, protocols.join(', '));
  const forms = '--gt FILE --dt FILE, or --model PATH --data SPEC';
  const report = checkReportOptions(options);
  if (gt && dt && !model && !data) {
    if (limit || dtOut) throw usage('--limit and --dt-out belong to --model', forms);
    return () => evaluateFiles(gt, dt, protocol, report);
  }
  if (model && data && !gt && !dt) {
    const count = limit === undefined ? undefined : parseCount(limit, '--limit');
    return () => evaluatePath(model, data, protocol, count, dtOut, report);
  }
  throw usage('what to evaluate is not clear', forms);
}

async function evaluateFiles(gt: string, dt: string, protocol: string, report?: ReportRequest): Promise<EvalReport> {
  const { evaluateCoco, readCocoDetections, readCocoGroundTruth } = await loadOptional(
    'eval',
    '@plumbline/data',
    () => import('@plumbline/data/eval'),
  );
  const groundTruth = await readCocoGroundTruth(gt);
  const detections = await readCocoDetections(dt, groundTruth);
  const { stats, perIou, perClass } = evaluateCoco(groundTruth, detections);
  if (report) await writeFilesReport(report, { gt, dt }, groundTruth, detections);
  return { protocol, images: groundTruth.imageIds.length, stats, perIou, perClass };
}

async function evaluatePath(
  path: string,
  spec: string,
  protocol: string,
  limit: number | undefined,
  dtOut: string | undefined,
  report?: ReportRequest,
): Promise<EvalReport> {
  const { openDataset } = await loadOptional('eval', '@plumbline/data', () => import('@plumbline/data/dataset'));
  const whole = await openDataset(spec);
  const dataset = { ...whole, samples: whole.samples.slice(0, limit) };
  const model = await openModel('eval', path);
  try {
    const progress = new Progress('eval', dataset.samples.length, 'images');
    const { results, imagesPerSecond, ...figures } = await evaluateModel(model, dataset, (done) =>
      progress.update(done),
    );
    if (dtOut) {
      await mkdir(dirname(dtOut), { recursive: true });
      await writeFile(dtOut, JSON.stringify(results));
    }
    if (report) await writeModelReport(report, dataset, model.facts, results);
    return { protocol, images: dataset.samples.length, ...figures, imagesPerSecond, model: model.facts };
  } finally {
    await model.dispose();
  }
}

/** Figures in percent; "-" where there is no ground truth. */
function asText({ images, stats, perIou, perClass, imagesPerSecond }: EvalReport): string {
  const percent = (value: number) => (value < 0 ? '-' : (100 * value).toFixed(1)).padStart(6);
  const rows = (title: string, values: object) =>
    `${title}\n${Object.entries(values)
      .map(([name, value]) => `  ${name.padEnd(12)}${percent(value as number)}\n`)
      .join('')}`;
  const speed = imagesPerSecond === undefined ? '' : `, ${imagesPerSecond.toFixed(1)} images/s`;
  return `${images} images${speed}; figures in percent\n${rows('COCO', stats)}${rows('AP per IoU', perIou)}${rows('AP per class', perClass)}`;
}
