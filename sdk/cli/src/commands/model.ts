import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { trainConfigSchema } from '@plumbline/contract';
import { loadConfig } from '@plumbline/core/config';
import type { ModelDescription, NamedModel } from '@plumbline/train/model';
import type { Command } from 'commander';
import { loadOptional } from '../load-package.js';
import { parseCount, parseSizeHw } from '../option-values.js';
import { printJson } from '../output.js';
import { modelGroup } from './model-group.js';

interface DescribeFlags {
  size: string;
  proposals: string;
  classes?: string;
  all?: boolean;
  models: string;
  json?: boolean;
}

/** Classes of a configuration that takes them from its dataset: COCO's. */
const fallbackClasses = 80;

export function registerModel(program: Command): void {
  const model = modelGroup(program);
  model
    .command('describe [config]')
    .description('count parameters and multiply-accumulates of a train.yaml, without making any weight')
    .option('--size <WxH>', 'size of the image in px', '1280x800')
    .option('--proposals <n>', 'regions that pass through the heads', '1000')
    .option('--classes <n>', `number of classes; those of the file when absent, or ${fallbackClasses}`)
    .option('--all', "every network of the paper's tables, and every configuration in --models")
    .option('--models <dir>', 'folder with NAME/train.yaml and recipes/NAME.yaml, for --all', 'models')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExamples:\n  $ plumbline model describe models/pcb-defects-nano/train.yaml --size 512x512\n  $ plumbline model describe --all --json',
    )
    .action(describe);
}

async function describe(file: string | undefined, flags: DescribeFlags, command: Command): Promise<void> {
  if ((file === undefined) === (flags.all !== true)) command.error('error: give a configuration file or --all');
  const sizeHw = parseSizeHw(flags.size, '--size');
  const proposals = parseCount(flags.proposals, '--proposals');
  const classes = flags.classes === undefined ? undefined : parseCount(flags.classes, '--classes');
  const { describeModel, paperConfigurations } = await loadOptional(
    'model describe',
    '@plumbline/train',
    () => import('@plumbline/train/model'),
  );
  const files = file === undefined ? configurationFiles(flags.models) : [file];
  const named = [...(flags.all ? paperConfigurations() : []), ...files.map(readModel)];
  const configurations = named.map((entry) => {
    const options = { classes: classes ?? entry.classes, sizeHw, proposals };
    return { name: entry.name, ...options, ...describeModel(entry.model, options) };
  });
  if (flags.json) printJson({ configurations });
  else process.stdout.write(asText(configurations));
}

function configurationFiles(dir: string): string[] {
  if (!existsSync(dir)) return [];
  const models = readdirSync(dir).map((name) => join(dir, name, 'train.yaml'));
  const recipes = join(dir, 'recipes');
  const recipeFiles = existsSync(recipes) ? readdirSync(recipes).filter((name) => name.endsWith('.yaml')) : [];
  return [...models.filter((file) => existsSync(file)), ...recipeFiles.map((name) => join(recipes, name))].sort();
}

function readModel(file: string): NamedModel {
  const { model, classes } = loadConfig(file, trainConfigSchema);
  return { name: file, model, classes: classes?.length ?? fallbackClasses };
}

function asText(configurations: readonly ({ name: string } & ModelDescription)[]): string {
  const width = Math.max(...configurations.map(({ name }) => name.length), 'configuration'.length);
  const row = (name: string, cells: readonly string[]) =>
    `${name.padEnd(width)}${cells.map((cell) => cell.padStart(14)).join('')}\n`;
  const whole = (value: number) => value.toLocaleString('en-US');
  const giga = (value: number) => (value / 1e9).toFixed(1);
  const lines = configurations.map(({ name, parameters, macs, parts }) =>
    row(name, [
      whole(parameters.total),
      whole(parameters.trainable),
      giga(macs),
      ...Object.values(parts).map((part) => giga(part.macs)),
    ]),
  );
  const titles = ['parameters', 'trainable', 'GMAC', 'backbone', 'fpn', 'rpn', 'heads'];
  const table = `${row('configuration', titles)}${lines.join('')}`;
  if (configurations.length > 1) return table;
  const branches = configurations[0]!.branches.map(
    ({ name, parameters, macsPerRoi }) =>
      `${name}: ${whole(parameters)} parameters, ${(macsPerRoi / 1e6).toFixed(3)} M MAC a region\n`,
  );
  return `${table}${branches.join('')}`;
}
