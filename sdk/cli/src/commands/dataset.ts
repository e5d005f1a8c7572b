import type { DatasetInspection } from '@plumbline/data/dataset';
import type { Command } from 'commander';
import { loadOptional } from '../load-package.js';
import { Progress, printJson } from '../output.js';

export function registerDataset(program: Command): void {
  const dataset = program.command('dataset').description('look into labelled images');
  dataset
    .command('inspect <spec>')
    .description('count images, boxes and classes, and list every bad label and image with its place')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExample:\n  $ plumbline dataset inspect deeppcb:./deeppcb#train\n\nThe exit code is 2 when anything is wrong.',
    )
    .action(async (spec: string, options: { json?: boolean }) => {
      const data = await loadOptional('dataset inspect', '@plumbline/data', () => import('@plumbline/data/dataset'));
      let progress: Progress | undefined;
      const inspection = await data.inspectDataset(spec, (done, total) => {
        progress ??= new Progress('inspect', total, 'images');
        progress.update(done);
      });
      if (options.json) printJson(inspection);
      else process.stdout.write(asText(inspection));
      if (inspection.problems.length > 0) process.exitCode = 2;
    });
}

function asText({ images, boxes, classes, boxSide, problems }: DatasetInspection): string {
  const counts = Object.entries(classes).map(([name, count]) => `  ${name.padEnd(14)}${String(count).padStart(7)}\n`);
  const px = (value: number) => value.toFixed(1);
  const sides = boxSide
    ? `box side, px: 5 % ${px(boxSide.p05)}, median ${px(boxSide.p50)}, 95 % ${px(boxSide.p95)}\n`
    : '';
  const lines = problems.map(({ code, message }) => `${code}: ${message}\n`);
  return `${images} images, ${boxes} boxes\n${counts.join('')}${sides}${problems.length} problem${problems.length === 1 ? '' : 's'}\n${lines.join('')}`;
}
