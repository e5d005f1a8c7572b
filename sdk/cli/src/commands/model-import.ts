import { PlumblineError, trainConfigSchema } from '@plumbline/contract';
import { loadConfig } from '@plumbline/core/config';
import type { WeightLayout } from '@plumbline/train/weights';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { loadOptional } from '../load-package.js';
import { printJson } from '../output.js';
import { modelGroup } from './model-group.js';

interface ImportFlags {
  from: string;
  layout: 'torchvision' | 'mmdet' | 'plumbline';
  config: string;
  out: string;
  partial?: boolean;
  bnEps?: number;
  json?: boolean;
}

export function registerModelImport(program: Command): void {
  modelGroup(program)
    .command('import')
    .description('bring weights of PyTorch (.pth) or safetensors into a checkpoint folder; nothing of the file is run')
    .requiredOption('--from <file>', 'weights: safetensors, or a file of torch.save')
    .addOption(
      new Option('--layout <name>', 'whose names the weights have')
        .choices(['torchvision', 'mmdet', 'plumbline'])
        .makeOptionMandatory(),
    )
    .requiredOption('--config <file>', 'train.yaml of the model, with its classes')
    .requiredOption('--out <dir>', 'new checkpoint folder')
    .option('--partial', 'load what fits, such as a backbone alone; the rest is listed and keeps its initial value')
    .option('--bn-eps <x>', "epsilon of the source's batch norms; 0 for torchvision's COCO_V1 detectors", epsilon)
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExample:\n  $ plumbline model import --from fasterrcnn.pth --layout torchvision --config train.yaml --out out/imported',
    )
    .action(runImport);
}

function epsilon(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value < 1)) throw new InvalidArgumentError('a number from 0 to below 1');
  return value;
}

async function runImport({ from, layout, config: configFile, out, partial, bnEps, json }: ImportFlags): Promise<void> {
  const importing = () => import('@plumbline/train/weights');
  const weights = await loadOptional('model import', '@plumbline/train', importing);
  const config = loadConfig(configFile, trainConfigSchema);
  if (!config.classes) {
    throw new PlumblineError('PLB_CLI_USAGE', {
      problem: `${configFile}: names no classes`,
      accepted: 'a configuration with the key `classes`, in the order of the weights, without background',
    });
  }
  const { loadEngine } = await import('@plumbline/train/engines');
  const { createDetectorModel } = await import('@plumbline/train/model');
  const source = await weights.readWeights(from);
  await loadEngine('auto');
  const model = createDetectorModel(config, config.classes);
  const report = weights.importModelWeights(model.parameters, source, {
    layout: layouts[layout],
    partial: partial === true,
    ...(bnEps === undefined ? {} : { epsilon: bnEps }),
  });
  weights.writeImportedModel(out, model, { file: from, layout: layouts[layout] }, report);
  const { loaded, unused, missing } = report;
  if (json) printJson({ out, ...report });
  else {
    for (const { key, shape, reason } of unused) process.stdout.write(`unused  ${key} [${shape}]: ${reason}\n`);
    for (const { parameter, shape } of missing) process.stdout.write(`missing ${parameter} [${shape}]\n`);
    process.stdout.write(
      `${out}: ${loaded.length} tensors loaded, ${unused.length} unused, ${missing.length} parameters left as initialised\n`,
    );
  }
}

const layouts = {
  torchvision: 'torchvision',
  mmdet: 'mmdetection',
  plumbline: 'plumbline',
} as const satisfies Record<ImportFlags['layout'], WeightLayout>;
