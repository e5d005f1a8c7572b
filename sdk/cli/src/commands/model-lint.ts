import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PlumblineError } from '@plumbline/contract';
import type { Finding, LintRoute, Severity, TensorrtVersion } from '@plumbline/deploy/lint';
import { type Command, Option } from 'commander';
import { loadOptional } from '../load-package.js';
import { printJson } from '../output.js';
import { modelGroup } from './model-group.js';

interface LintFlags {
  tensorrt: TensorrtVersion;
  through: LintRoute;
  json?: boolean;
}

export function registerModelLint(program: Command): void {
  modelGroup(program)
    .command('lint <file>')
    .description(
      'list what a version of TensorRT refuses, leaves outside or computes slowly in an .onnx file; exits with 1 when ' +
        "something is refused. From TensorRT's documents and sources: no engine is built, not run on hardware",
    )
    .addOption(
      new Option('--tensorrt <version>', 'JetPack 6.0 has 8.6, JetPack 6.1 and 6.2 have 10.3')
        .choices(['8.6', '10.3', '10.15', '11.0'])
        .default('10.3'),
    )
    .addOption(
      new Option(
        '--through <route>',
        "engine: the whole graph, as trtexec takes it; onnxruntime: through ONNX Runtime's TensorRT provider, which runs elsewhere what is refused",
      )
        .choices(['engine', 'onnxruntime'])
        .default('engine'),
    )
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ plumbline model lint models/nano/model.onnx --tensorrt 10.3')
    .action(runLint);
}

async function runLint(file: string, flags: LintFlags): Promise<void> {
  const lint = await loadOptional('model lint', '@plumbline/deploy', () => import('@plumbline/deploy/lint'));
  const { decodeModel } = await import('@plumbline/runtime/onnx');
  const { modelFileName } = await import('@plumbline/runtime/model-folder');
  const { tensorrt, through } = flags;
  let path = file;
  let bytes: Uint8Array;
  try {
    if ((await stat(file)).isDirectory()) path = join(file, modelFileName);
    bytes = await readFile(path);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new PlumblineError('PLB_RUNTIME_MODEL_MISSING', { file: path, reason }, { cause });
  }
  const findings = lint.lintForTensorrt(decodeModel(bytes, path), tensorrt, { route: through });
  const counts = Object.fromEntries(
    lint.severities.map((severity) => [severity, findings.filter((finding) => finding.severity === severity).length]),
  ) as Record<Severity, number>;
  if (flags.json) printJson({ model: path, tensorrt, through, onHardware: false, counts, findings });
  else process.stdout.write(asText(path, flags, counts, findings));
  if (counts.refused > 0) process.exitCode = 1;
}

function asText(
  path: string,
  { tensorrt, through }: LintFlags,
  counts: Readonly<Record<Severity, number>>,
  findings: readonly Finding[],
): string {
  const totals = Object.entries(counts).map(([severity, count]) => `${count} ${severity}`);
  const route = through === 'engine' ? 'as one engine' : 'through ONNX Runtime';
  const sections = [...grouped(findings, ({ severity }) => severity)].map(
    ([severity, ofSeverity]) =>
      `\n${severity}\n${[...grouped(ofSeverity, ({ rule }) => rule)].map(([rule, found]) => ruleText(rule, found)).join('')}`,
  );
  return `${path} with TensorRT ${tensorrt} ${route}: ${totals.join(', ')} (not run on hardware)\n${sections.join('')}`;
}

/** A rule with its count, then each message with the nodes that it is about. */
function ruleText(rule: string, found: readonly Finding[]): string {
  const messages = [...grouped(found, ({ message }) => message)].map(
    ([message, same]) => `    ${same.map(({ node }) => node || 'the whole graph').join(', ')}\n      ${message}\n`,
  );
  return `  ${rule}: ${found.length}  (${found[0]!.source})\n${messages.join('')}`;
}

function grouped(findings: readonly Finding[], key: (finding: Finding) => string): Map<string, Finding[]> {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const group = groups.get(key(finding));
    if (group) group.push(finding);
    else groups.set(key(finding), [finding]);
  }
  return groups;
}
