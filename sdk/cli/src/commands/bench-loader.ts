import { type TrainConfig, trainConfigSchema } from '@plumbline/contract';
import { loadConfig } from '@plumbline/core/config';
import type { LoaderFigures } from '@plumbline/data/loader';
import type { Command } from 'commander';
import { loadOptional } from '../load-package.js';
import { parseCount, parseSeconds } from '../option-values.js';
import { printJson } from '../output.js';

interface LoaderFlags {
  data: string;
  config?: string;
  workers?: string;
  seconds: string;
  json?: boolean;
}

/** What is measured without --config: a usual mixture on images of 640 x 640. */
const usual = {
  imageSizeHw: [640, 640],
  schedule: { batchSize: 8 },
  augment: { flipVertical: true, rotate90: true, brightness: 0.2, contrast: 0.2, noise: 4 },
};

export function registerBenchLoader(bench: Command): void {
  bench
    .command('loader')
    .description('images a second that the loader decodes and augments for training, nothing else running')
    .requiredOption('--data <spec>', 'labelled images, e.g. deeppcb:DIR#train')
    .option('--config <file>', 'train.yaml; absent: 640 x 640, flips, quarter turns, brightness, contrast and noise')
    .option('--workers <n>', 'threads; default: as the configuration says')
    .option('--seconds <n>', 'time to measure, for each of the two figures', '8')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ plumbline bench loader --data deeppcb:./deeppcb#train')
    .action(runBenchLoader);
}

async function runBenchLoader(flags: LoaderFlags): Promise<void> {
  const seconds = parseSeconds(flags.seconds, '--seconds');
  const given = flags.config ? loadConfig(flags.config, trainConfigSchema) : trainConfigSchema.parse(usual);
  const workers = flags.workers === undefined ? given.loader.workers : parseCount(flags.workers, '--workers');
  const config: TrainConfig = { ...given, loader: { ...given.loader, workers } };
  const { openDataset } = await loadOptional(
    'bench loader',
    '@plumbline/data',
    () => import('@plumbline/data/dataset'),
  );
  const { measureLoader } = await import('@plumbline/data/loader');
  const { hardwareFacts } = await import('@plumbline/runtime/bench');
  const dataset = await openDataset(flags.data);
  process.stderr.write('bench loader: every image decoded\n');
  const decoded = await measureLoader(dataset, config, seconds, false);
  process.stderr.write('bench loader: decoded images from memory\n');
  const cached = await measureLoader(dataset, config, seconds, true);
  const peakMb = Math.round((process.resourceUsage().maxRSS * 1024) / 1e6);
  const { imageSizeHw, augment } = config;
  const report = { decoded, cached, workers, imageSizeHw, augment, maxRssMb: peakMb, hardware: hardwareFacts() };
  if (flags.json) return printJson(report);
  const line = (name: string, { imagesPerSecond, busyCores }: LoaderFigures) =>
    `${name.padEnd(28)}${imagesPerSecond.toFixed(0).padStart(6)} images/s, ${busyCores.toFixed(1)} cores busy\n`;
  process.stdout.write(
    `${line('decoded and augmented', decoded)}${line('augmented, from memory', cached)}` +
      `${imageSizeHw[1]} x ${imageSizeHw[0]}, ${workers ?? 'default'} threads, peak ${peakMb} MB, ${report.hardware.cpu}\n`,
  );
}
