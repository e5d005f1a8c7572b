import { classMapSchema, PlumblineError } from '@plumbline/contract';
import { loadConfig } from '@plumbline/core/config';
import type { ConvertedFormat } from '@plumbline/data/convert';
import type { Command } from 'commander';
import { loadOptional } from '../load-package.js';
import { Progress, printJson } from '../output.js';

interface ConvertFlags {
  to: string;
  out: string;
  classMap?: string;
  bits?: string;
  json?: boolean;
}

export function registerDatasetConvert(dataset: Command): void {
  dataset
    .command('convert <spec>')
    .description('write a dataset in another format, images included; boxes come back the same')
    .requiredOption('--to <format>', 'coco, voc or yolo')
    .requiredOption('--out <dir>', 'new folder')
    .option('--class-map <file>', 'YAML or JSON: old class name -> new name, or null to leave its boxes out')
    .option(
      '--bits <n>',
      'significant bits of 16-bit mono images, which become 8-bit PNGs; images are copied without it',
    )
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ plumbline dataset convert voc:./NEU-DET#train --to coco --out ./neu-coco')
    .action(runConvert);
}

async function runConvert(spec: string, flags: ConvertFlags): Promise<void> {
  const { openDataset } = await loadOptional(
    'dataset convert',
    '@plumbline/data',
    () => import('@plumbline/data/dataset'),
  );
  const { convertDataset, convertedFormats, mapClasses } = await import('@plumbline/data/convert');
  const usage = (problem: string, accepted: string) => new PlumblineError('PLB_CLI_USAGE', { problem, accepted });
  if (!(convertedFormats as readonly string[]).includes(flags.to)) {
    throw usage(`--to is "${flags.to}"`, convertedFormats.join(', '));
  }
  const bits = flags.bits === undefined ? undefined : Number(flags.bits);
  if (bits !== undefined && !(Number.isInteger(bits) && bits >= 8 && bits <= 16)) {
    throw usage(`--bits is "${flags.bits}"`, 'a whole number from 8 to 16');
  }
  const map = flags.classMap === undefined ? undefined : loadConfig(flags.classMap, classMapSchema);
  const opened = await openDataset(spec);
  const mapped = map ? mapClasses(opened, map) : opened;
  const progress = new Progress('convert', mapped.samples.length, 'images');
  const report = await convertDataset(mapped, {
    to: flags.to as ConvertedFormat,
    out: flags.out,
    ...(bits === undefined ? {} : { bits }),
    onProgress: (done) => progress.update(done),
  });
  if (flags.json) return printJson(report);
  const lost = Object.entries(report.lost).map(
    ([flag, n]) => `not kept: ${flag} of ${n} boxes, ${flags.to} has no such flag\n`,
  );
  process.stdout.write(`${report.images} images, ${report.boxes} boxes: ${report.spec}\n${lost.join('')}`);
}
