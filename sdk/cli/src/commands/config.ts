import { readFileSync } from 'node:fs';
import { lineConfigSchema, modelManifestSchema, PlumblineError, trainConfigSchema } from '@plumbline/contract';
import { checkConfig, type Schema } from '@plumbline/core/config';
import type { Command } from 'commander';
import { z } from 'zod';
import { printJson } from '../output.js';

const schemas = { line: lineConfigSchema, train: trainConfigSchema, manifest: modelManifestSchema } as const;
type SchemaName = keyof typeof schemas;

export function registerConfig(program: Command): void {
  const config = program.command('config').description('check configuration files, print their schemas');
  config
    .command('check <file>')
    .description('say where and why a configuration file is wrong')
    .option('--schema <name>', `one of ${Object.keys(schemas).join(', ')}; guessed from the file's keys when absent`)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ plumbline config check line.yaml')
    .action((file: string, options: { schema?: string; json?: boolean }) => {
      let text: string;
      try {
        text = readFileSync(file, 'utf8');
      } catch (cause) {
        throw new PlumblineError(
          'PLB_CONFIG_UNREADABLE',
          { file, reason: (cause as NodeJS.ErrnoException).code ?? '' },
          { cause },
        );
      }
      const name = options.schema ?? guessSchema(text);
      const checked = checkConfig(text, schemaNamed(name) as Schema<unknown>);
      const errors = checked.ok ? [] : checked.issues;
      if (options.json) printJson({ ok: checked.ok, schema: name, errors });
      else if (checked.ok) process.stdout.write(`${file}: ok (${name})\n`);
      else
        for (const e of errors)
          process.stdout.write(`${file}:${e.line}:${e.column}: ${e.path ? `${e.path}: ` : ''}${e.message}\n`);
      if (!checked.ok) process.exitCode = 2;
    });
  config
    .command('schema <name>')
    .description('print the JSON Schema of a configuration file')
    .addHelpText('after', '\nExample:\n  $ plumbline config schema line > line.schema.json')
    .action((name: string) => printJson(z.toJSONSchema(schemaNamed(name), { io: 'input' })));
}

function schemaNamed(name: string) {
  if (!(name in schemas)) {
    throw new PlumblineError('PLB_CLI_USAGE', {
      problem: `no schema is named "${name}"`,
      accepted: Object.keys(schemas).join(', '),
    });
  }
  return schemas[name as SchemaName];
}

function guessSchema(text: string): SchemaName {
  if (/plumbline\.model\//.test(text)) return 'manifest';
  return /^\s*"?(imageSizeHw|schedule)"?\s*:/m.test(text) ? 'train' : 'line';
}
