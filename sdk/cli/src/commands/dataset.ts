import { PlumblineError } from '@plumbline/contract';
import type { InspectedDataset } from '@plumbline/data/inspect';
import type { Command } from 'commander';
import { writeAugmentSheet } from '../augment-sheet.js';
import { loadOptional } from '../load-package.js';
import { parseCount } from '../option-values.js';
import { Progress, printJson, utcMinute } from '../output.js';
import { writeOutput } from '../output-file.js';
import { registerDatasetConvert } from './dataset-convert.js';
import { registerDatasetFetch } from './dataset-fetch.js';
import { registerDatasetSplit } from './dataset-split.js';

interface InspectFlags {
  against?: string[];
  html?: string;
  augment?: string;
  config?: string;
  count: string;
  json?: boolean;
}

export function registerDataset(program: Command): void {
  const dataset = program.command('dataset').description('look into, convert, split and fetch labelled images');
  dataset
    .command('inspect <spec>')
    .description('count images, boxes and classes, and list every bad label and image with its place')
    .option('--against <spec>', 'another dataset that must share no image with this one; may be repeated', collect)
    .option('--augment <file>', 'write a picture of a training batch with its boxes (.png)')
    .option('--config <file>', 'with --augment: train.yaml whose augmentation is shown; default: every kind, moderate')
    .option('--count <n>', 'with --augment: images on the picture', '16')
    .option('--html <file>', 'write a page with plots, pictures of problems and examples of each class')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExamples:\n  $ plumbline dataset inspect deeppcb:./deeppcb#train' +
        '\n  $ plumbline dataset inspect coco:train.json@images --against coco:val.json@images' +
        '\n\nThe exit code is 2 when anything is wrong.',
    )
    .action(runInspect);
  registerDatasetFetch(dataset);
  registerDatasetConvert(dataset);
  registerDatasetSplit(dataset);
}

async function runInspect(spec: string, flags: InspectFlags): Promise<void> {
  if (flags.config && !flags.augment) {
    throw new PlumblineError('PLB_CLI_USAGE', { problem: '--config belongs to --augment', accepted: 'both together' });
  }
  const data = await loadOptional('dataset inspect', '@plumbline/data', () => import('@plumbline/data/inspect'));
  let progress: Progress | undefined;
  const inspected = await data.inspectDataset(spec, {
    ...(flags.against ? { against: flags.against } : {}),
    onProgress: (done, total) => {
      progress ??= new Progress('inspect', total, 'images');
      progress.update(done);
    },
  });
  const { inspection } = inspected;
  if (flags.augment) {
    const file = flags.augment;
    const count = parseCount(flags.count, '--count');
    await writeAugmentSheet(inspected.dataset, { file, count, ...(flags.config ? { config: flags.config } : {}) });
  }
  if (flags.html) {
    const { renderInspection } = await import('@plumbline/data/report');
    await writeOutput(flags.html, await renderInspection(inspected, utcMinute(new Date())));
  }
  if (flags.json) printJson(inspection);
  else process.stdout.write(asText(inspected));
  if (inspection.problems.length > 0) process.exitCode = 2;
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** Pairs that the text lists; the JSON output has all of them. */
const listedPairs = 10;

function asText({ inspection }: InspectedDataset): string {
  const { images, boxes, emptyImages, classes, imagesOfClass, boxSide, boxAspect, imageSizes, problems } = inspection;
  const counts = Object.entries(classes).map(
    ([name, count]) => `  ${name.padEnd(16)}${String(count).padStart(7)} in ${imagesOfClass[name]} images\n`,
  );
  const range = (title: string, values: typeof boxSide, decimals: number) =>
    values
      ? `${title}: 5 % ${values.p05.toFixed(decimals)}, median ${values.p50.toFixed(decimals)}, 95 % ${values.p95.toFixed(decimals)}\n`
      : '';
  const [[commonest, ofThatSize] = ['', 0], ...otherSizes] = Object.entries(imageSizes);
  const sizes = `image size: ${commonest} (${ofThatSize})${otherSizes.length > 0 ? ` and ${otherSizes.length} others` : ''}\n`;
  return [
    `${images} images (${emptyImages} without a box), ${boxes} boxes\n`,
    ...counts,
    range('box side, px', boxSide, 1),
    range('box width / height', boxAspect, 2),
    images > 0 ? sizes : '',
    nearDuplicatesText(inspection),
    `${problems.length} problem${problems.length === 1 ? '' : 's'}\n`,
    ...problems.map(({ code, message }) => `${code}: ${message}\n`),
  ].join('');
}

function nearDuplicatesText({ nearDuplicates }: InspectedDataset['inspection']): string {
  if (nearDuplicates.length === 0) return '';
  const lines = nearDuplicates.slice(0, listedPairs).map(({ a, b, distance }) => `  ${distance} bits: ${a} and ${b}\n`);
  const rest = nearDuplicates.length - lines.length;
  const more = rest > 0 ? `  and ${rest} more (--json lists all)\n` : '';
  return `${nearDuplicates.length} pairs of images look the same\n${lines.join('')}${more}`;
}
