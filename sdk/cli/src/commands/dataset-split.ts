import { PlumblineError } from '@plumbline/contract';
import type { SampleRef } from '@plumbline/data/dataset';
import type { Command } from 'commander';
import { loadOptional } from '../load-package.js';
import { printJson } from '../output.js';

interface SplitFlags {
  val: string;
  seed: string;
  out: string;
  group?: string;
  json?: boolean;
}

export function registerDatasetSplit(dataset: Command): void {
  dataset
    .command('split <spec>')
    .description('divide images into train and val with the same mixture of classes')
    .option('--val <share>', 'share of the images for val', '0.1')
    .option('--seed <n>', 'equal seeds give equal splits', '1')
    .option(
      '--group <pattern>',
      'regular expression on the stem; images with the same match, or first group, stay together',
    )
    .requiredOption(
      '--out <dir>',
      'where train and val are written; for deeppcb and voc usually the folder of the dataset',
    )
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      "\nExample, boards of one design on the same side:\n  $ plumbline dataset split deeppcb:./deeppcb --val 0.1 --seed 1 --group '^\\d{5}' --out ./deeppcb",
    )
    .action(runSplit);
}

async function runSplit(spec: string, flags: SplitFlags): Promise<void> {
  const usage = (problem: string, accepted: string) => new PlumblineError('PLB_CLI_USAGE', { problem, accepted });
  const valShare = Number(flags.val);
  if (!(valShare > 0 && valShare < 1)) throw usage(`--val is "${flags.val}"`, 'a number between 0 and 1');
  const seed = Number(flags.seed);
  if (!/^\d+$/.test(flags.seed) || seed > 2 ** 31) throw usage(`--seed is "${flags.seed}"`, 'a whole number from 0');
  const groupOf = flags.group === undefined ? undefined : parseGroup(flags.group);
  const { openDataset } = await loadOptional(
    'dataset split',
    '@plumbline/data',
    () => import('@plumbline/data/dataset'),
  );
  const { splitDataset, writeSplit } = await import('@plumbline/data/convert');
  const dataset = await openDataset(spec);
  const split = splitDataset(dataset, { valShare, seed, ...(groupOf ? { groupOf } : {}) });
  const { files, specs, isInPlace } = await writeSplit(dataset, split, flags.out);
  const sizesOf = (samples: readonly SampleRef[]) => ({
    images: samples.length,
    boxes: samples.reduce((sum, { gtLabels }) => sum + gtLabels.length, 0),
    classes: Object.fromEntries(
      dataset.classes.map((name, label) => [
        name,
        samples.reduce((sum, { gtLabels }) => sum + gtLabels.filter((each) => each === label).length, 0),
      ]),
    ),
  });
  const sizes = { train: sizesOf(split.train), val: sizesOf(split.val) };
  if (flags.json) return printJson({ sizes, specs, files, isInPlace });
  const rows = dataset.classes.map((name) => {
    const [train, val] = [sizes.train.classes[name]!, sizes.val.classes[name]!];
    return `  ${name.padEnd(16)}${String(train).padStart(7)}${String(val).padStart(7)}\n`;
  });
  process.stdout.write(
    `train ${sizes.train.images} images, ${sizes.train.boxes} boxes: ${specs.train}\n` +
      `val   ${sizes.val.images} images, ${sizes.val.boxes} boxes: ${specs.val}\n` +
      `  ${'boxes of'.padEnd(16)}${'train'.padStart(7)}${'val'.padStart(7)}\n${rows.join('')}` +
      (isInPlace ? '' : `The lists are in ${flags.out}; the specs find them in the folder of the dataset.\n`),
  );
}

/** @throws {PlumblineError} PLB_CLI_USAGE for a pattern that is none, and for a stem that it does not match */
function parseGroup(text: string): (sample: SampleRef) => string {
  const accepted = 'a regular expression that matches every stem';
  let pattern: RegExp;
  try {
    pattern = new RegExp(text);
  } catch (cause) {
    throw new PlumblineError('PLB_CLI_USAGE', { problem: `--group is "${text}"`, accepted }, { cause });
  }
  return ({ stem }) => {
    const match = pattern.exec(stem);
    const key = match?.[1] ?? match?.[0];
    if (key) return key;
    throw new PlumblineError('PLB_CLI_USAGE', { problem: `--group "${text}" does not match "${stem}"`, accepted });
  };
}
