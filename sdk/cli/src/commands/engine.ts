import type {
  BuiltEngine,
  EngineOptions,
  EnginePlan,
  EnginePreview,
  EngineReport,
  TrtexecProgress,
  TrtexecStage,
} from '@plumbline/runtime/tensorrt';
import { type Command, Option } from 'commander';
import { parseCount } from '../option-values.js';
import { printJson } from '../output.js';
import { shellQuote } from '../shell-quote.js';
import { StageProgress } from '../stage-progress.js';
import { StopRequest } from '../stop-request.js';

interface BuildFlags {
  trtexec?: string;
  workspaceMib?: string;
  optimizationLevel?: string;
  timingCache?: string;
  dryRun?: boolean;
  force?: boolean;
  json?: boolean;
}

const stageNames: Readonly<Record<TrtexecStage, string>> = {
  start: 'TensorRT starts',
  parse: 'reading the model',
  optimize: 'optimizing the graph',
  kernels: 'choosing kernels, layers',
  finish: 'writing the engine',
};

export function registerEngine(program: Command): void {
  const engine = program.command('engine').description('TensorRT engines, on the device that runs them');
  engine
    .command('build <model>')
    .description(
      "build a model's TensorRT engine with trtexec, and the wrapper that ONNX Runtime loads; does nothing when it is up to date. Not run on hardware",
    )
    .option('--trtexec <path>', 'the program; by default that in PATH or in /usr/src/tensorrt/bin')
    .option('--workspace-mib <n>', "scratch memory that a layer may use, MiB; TensorRT's own choice when absent")
    .addOption(new Option('--optimization-level <n>', '0 builds fastest, 5 searches longest').choices([...'012345']))
    .option('--timing-cache <file>', 'measured kernels, read and written; by default beside the model')
    .option('--dry-run', 'print the exact command and the key of the engine, and build nothing')
    .option('--force', 'build even when the engine is up to date')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
MODEL is a folder with model.tensorrt.onnx, or an .onnx file that the manifest beside it names. The engine belongs to that
model, this TensorRT, this graphics processor and this JetPack: when one of them changes it is stale, is not loaded any
more, and is built again by the same command. See docs/guides/tensorrt-jetson.md.

Examples:
  $ plumbline engine build models/pcb-defects
  $ plumbline engine build models/pcb-defects/model.tensorrt.onnx --workspace-mib 1024 --dry-run`,
    )
    .action(runBuild);
  engine
    .command('inspect <file>')
    .description('print what an engine was built from, and whether this device may load it')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nFILE is the engine, its wrapper or its record.\n\nExample:\n  $ plumbline engine inspect models/pcb-defects/model.tensorrt.engine',
    )
    .action(runInspect);
}

async function runBuild(model: string, flags: BuildFlags): Promise<void> {
  const { buildEngine, planEngine, previewEngine } = await import('@plumbline/runtime/tensorrt');
  const { workspaceMib, optimizationLevel, timingCache, trtexec } = flags;
  const options: EngineOptions = {
    model,
    settings: {
      workspaceMib: workspaceMib === undefined ? null : parseCount(workspaceMib, '--workspace-mib'),
      optimizationLevel: optimizationLevel === undefined ? null : Number(optimizationLevel),
    },
    ...(timingCache === undefined ? {} : { timingCache }),
    ...(trtexec === undefined ? {} : { sources: { trtexec } }),
  };
  if (flags.dryRun) {
    printPreview(await previewEngine(options), flags.json === true);
    return;
  }
  const plan = await planEngine(options);
  if (plan.present.state === 'stale') process.stderr.write(`stale: ${plan.present.reasons.join('; ')}\n`);
  const stopping = new AbortController();
  const stop = new StopRequest(
    () => process.stderr.write('\nstopping; once more to end at once\n'),
    () => process.exit(1),
  );
  void stop.requested.then(() => stopping.abort());
  const progress = new StageProgress('engine');
  const onProgress = ({ stage, done, total }: TrtexecProgress) => progress.update(stageNames[stage], done, total);
  try {
    const built = await buildEngine(plan, { force: flags.force === true, onProgress, signal: stopping.signal });
    progress.end();
    printBuilt(plan, built, flags.json === true);
  } finally {
    progress.end();
    stop.dispose();
  }
}

function printPreview({ plan, files, command, unknown, assumedTensorrt }: EnginePreview, asJson: boolean): void {
  const upToDate = plan?.present.state === 'fresh';
  if (asJson) {
    const { engine, wrapper } = files;
    const known = { cacheKey: plan?.cacheKey ?? null, facts: plan?.facts ?? null, unknown: unknown ?? null };
    printJson({ dryRun: true, engine, wrapper, seconds: null, upToDate, command, assumedTensorrt, ...known });
    return;
  }
  process.stdout.write(`${command.map(shellQuote).join(' ')}\n`);
  process.stdout.write(
    plan ? `key ${plan.cacheKey}\n` : `For TensorRT ${assumedTensorrt}. No key on this machine: ${unknown}\n`,
  );
  if (upToDate) process.stdout.write('An engine with this key is there: without --force nothing would be built.\n');
}

function printBuilt(plan: EnginePlan, { record, files, upToDate }: BuiltEngine, asJson: boolean): void {
  const { engine, wrapper } = files;
  const { cacheKey, seconds, command, facts } = record;
  if (asJson) {
    printJson({ engine, wrapper, cacheKey, seconds, upToDate, command, facts });
    return;
  }
  const size = `${(record.engine.bytes / 1e6).toFixed(1)} MB`;
  process.stdout.write(
    upToDate
      ? `${engine} is up to date (${size}, key ${cacheKey})\n`
      : `${engine}: ${size} in ${seconds.toFixed(1)} s, TensorRT ${facts.tensorrt} on ${facts.gpu}\nkey ${cacheKey}\n` +
          `ONNX Runtime loads ${wrapper} when a detector of ${plan.modelPath} asks for the provider tensorrt.\n`,
  );
}

async function runInspect(file: string, flags: { json?: boolean }): Promise<void> {
  const { inspectEngine } = await import('@plumbline/runtime/tensorrt');
  const report = await inspectEngine(file);
  if (flags.json) printJson(report);
  else process.stdout.write(describeReport(report));
}

function describeReport({ engine, model, bytes, isFresh, reasons, record, inputs, outputs }: EngineReport): string {
  const lines = [
    `${engine}: ${bytes === null ? 'missing' : `${bytes} bytes`}, ${isFresh ? 'fresh' : 'stale'} on this device`,
    ...reasons.map((reason) => `  ${reason}`),
  ];
  if (record) {
    const { tensorrt, gpu, computeCapability, jetPack, l4t } = record.facts;
    const { workspaceMib, optimizationLevel } = record.settings;
    lines.push(
      `model      ${model}, sha256 ${record.model.sha256}`,
      `TensorRT   ${tensorrt}`,
      `device     ${gpu}, compute capability ${computeCapability}${jetPack === null ? '' : `, JetPack ${jetPack} (L4T ${l4t})`}`,
      `settings   workspace ${workspaceMib === null ? 'default' : `${workspaceMib} MiB`}, optimization level ${optimizationLevel ?? 'default'}`,
      `key        ${record.cacheKey}`,
      `built in   ${record.seconds.toFixed(1)} s by ${record.command.map(shellQuote).join(' ')}`,
    );
  }
  const values = [...inputs.map((value) => ['input', value] as const), ...outputs.map((v) => ['output', v] as const)];
  for (const [kind, { name, type, shape }] of values)
    lines.push(`${kind.padEnd(10)} ${name} ${type} [${shape.join(', ')}]`);
  return `${lines.join('\n')}\n`;
}
