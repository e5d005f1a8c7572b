import { PlumblineError } from '@plumbline/contract';
import type { ProtocolReport } from '@plumbline/data/eval';
import type { Command } from 'commander';
import { type ProtocolFlags, type ProtocolRequest, parseProtocol, protocolNames } from '../eval-protocol.js';
import {
  checkReportOptions,
  type ReportOptions,
  type ReportRequest,
  writeFilesReport,
  writeModelReport,
} from '../eval-report.js';
import { evaluateModel } from '../evaluate-model.js';
import { LenientReading, type SkippedRows } from '../lenient-reading.js';
import { loadOptional } from '../load-package.js';
import { openModel } from '../open-model.js';
import { parseCount } from '../option-values.js';
import { Progress, printJson } from '../output.js';
import { writeOutput } from '../output-file.js';
import { providersOption } from '../providers-option.js';

interface EvalOptions extends ProtocolFlags, Omit<ReportOptions, 'protocol'> {
  gt?: string;
  dt?: string;
  model?: string;
  data?: string;
  limit?: string;
  providers?: string[];
  dtOut?: string;
  lenient?: boolean;
  json?: boolean;
}

export function registerEval(program: Command): void {
  program
    .command('eval')
    .description('measure detections, or a model on labelled images')
    .option('--gt <file>', 'ground truth, COCO annotation file')
    .option('--dt <file>', 'detections, COCO results file')
    .option('--model <path>', 'model folder, .onnx in one, or checkpoint folder')
    .option('--data <spec>', 'labelled images, e.g. deeppcb:DIR#val-report')
    .option('--limit <n>', 'only the first n images of --data')
    .addOption(providersOption())
    .option('--dt-out <file>', 'write the detections of --model as COCO results')
    .option('--protocol <name>', `one of ${protocolNames.join(', ')}`, 'coco')
    .option('--max-dets <list>', 'coco: detections of an image and class that count (default: 1,10,100)')
    .option(
      '--area-ranges <list>',
      'coco: ranges of px^2 beside all (default: small:0-1024,medium:1024-9216,large:9216-)',
    )
    .option('--deeppcb-reading <name>', "deeppcb: readme, or script for the repository's evaluation/script.py")
    .option('--html <file>', 'write a report as one HTML file')
    .option('--images <dir>', 'folder of the images of --gt, for the pictures of the report')
    .option('--compare <path>', 'report: set beside a second COCO results file or, with --data, a second model')
    .option('--score <s>', 'report: a detection counts as a call from this score on (default: 0.5)')
    .option('--lenient', 'leave out bad rows of --gt and --dt and count them, instead of refusing the file')
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

interface EvalReport extends ProtocolReport {
  images: number;
  imagesPerSecond?: number;
  model?: Readonly<Record<string, unknown>>;
  /** Rows that --lenient left out, by code. */
  skipped?: SkippedRows;
}

/** Refuses combinations that mean nothing, before any package is loaded. */
function checkUsage(options: EvalOptions): () => Promise<EvalReport> {
  const { gt, dt, model, data, limit, dtOut, lenient, providers } = options;
  const usage = (problem: string, accepted: string) => new PlumblineError('PLB_CLI_USAGE', { problem, accepted });
  const protocol = parseProtocol(options);
  const forms = '--gt FILE --dt FILE, or --model PATH --data SPEC';
  const report = checkReportOptions(options);
  if (gt && dt && !model && !data) {
    if (limit || dtOut || providers) throw usage('--limit, --dt-out and --providers belong to --model', forms);
    return () => evaluateFiles({ gt, dt }, protocol, lenient, report);
  }
  if (model && data && !gt && !dt) {
    if (lenient) throw usage('--lenient belongs to --gt and --dt', forms);
    const count = limit === undefined ? undefined : parseCount(limit, '--limit');
    return () => evaluatePath({ path: model, providers }, data, protocol, count, dtOut, report);
  }
  throw usage('what to evaluate is not clear', forms);
}

async function evaluateFiles(
  files: { gt: string; dt: string },
  { protocol, options }: ProtocolRequest,
  isLenient = false,
  report?: ReportRequest,
): Promise<EvalReport> {
  const { evaluateProtocol, readCocoDetections, readCocoGroundTruth } = await loadOptional(
    'eval',
    '@plumbline/data',
    () => import('@plumbline/data/eval'),
  );
  const lenient = isLenient ? new LenientReading() : undefined;
  const groundTruth = await readCocoGroundTruth(files.gt, lenient?.sink);
  const detections = await readCocoDetections(files.dt, groundTruth, lenient?.sink);
  lenient?.warn();
  if (report) await writeFilesReport(report, files, groundTruth, detections);
  return {
    ...(await evaluateProtocol(protocol, groundTruth, detections, options)),
    images: groundTruth.imageIds.length,
    ...(lenient ? { skipped: lenient.skipped } : {}),
  };
}

async function evaluatePath(
  { path, providers }: { path: string; providers: readonly string[] | undefined },
  spec: string,
  { protocol, options }: ProtocolRequest,
  limit: number | undefined,
  dtOut: string | undefined,
  report?: ReportRequest,
): Promise<EvalReport> {
  const { openDataset } = await loadOptional('eval', '@plumbline/data', () => import('@plumbline/data/dataset'));
  const whole = await openDataset(spec);
  const dataset = { ...whole, samples: whole.samples.slice(0, limit) };
  const model = await openModel('eval', path, providers);
  try {
    const progress = new Progress('eval', dataset.samples.length, 'images');
    const { results, imagesPerSecond, ...figures } = await evaluateModel(
      model,
      dataset,
      (done) => progress.update(done),
      protocol,
      options,
    );
    if (dtOut) await writeOutput(dtOut, JSON.stringify(results));
    if (report) await writeModelReport(report, dataset, model.facts, results);
    return { ...figures, images: dataset.samples.length, imagesPerSecond, model: model.facts };
  } finally {
    await model.dispose();
  }
}

/** Figures in percent; "-" where there is no ground truth. */
function asText({ protocol, images, stats, perIou, perClass, imagesPerSecond }: EvalReport): string {
  const percent = (value: number) => (value < 0 ? '-' : (100 * value).toFixed(1)).padStart(6);
  const rows = (title: string, values: object) =>
    `${title}\n${Object.entries(values)
      .map(([name, value]) => `  ${name.padEnd(12)}${percent(value as number)}\n`)
      .join('')}`;
  const speed = imagesPerSecond === undefined ? '' : `, ${imagesPerSecond.toFixed(1)} images/s`;
  const classes = Object.keys(perClass).length > 0 ? rows('AP per class', perClass) : '';
  return `${images} images${speed}; figures in percent\n${rows(protocol, stats)}${rows('AP per IoU', perIou)}${classes}`;
}
