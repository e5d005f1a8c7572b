import { PlumblineError } from '@plumbline/contract';
import type { ReportProgress, SetupPlan, SetupResult } from '@plumbline/train/engines';
import type { Command } from 'commander';
import type { Check } from '../doctor/check.js';
import { isUsable, runChecks } from '../doctor/checks.js';
import { loadOptional } from '../load-package.js';
import { Progress, printJson } from '../output.js';

interface DoctorFlags {
  setup?: string;
  cuda?: boolean;
  from?: string;
  json?: boolean;
}

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description('check what this machine has, or set an optional part up')
    .option('--setup <part>', 'tensorflow: the fast training engine (about 1.2 GB in the cache folder)')
    .option('--cuda', 'with --setup tensorflow: its build for NVIDIA cards (fetches 3.4 GB, keeps 5.4 GB)')
    .option('--from <file>', 'with --setup tensorflow: a wheel on this disk instead of a download')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
The cache folder is $PLUMBLINE_CACHE or ~/.cache/plumbline; \`npm ci\` does not touch it.

--cuda takes the place of the set-up for the processor, whose work it does where no card answers. It needs Linux on
x86-64 and NVIDIA's driver 525.60.13 or newer. With --from, NVIDIA's wheels are taken from the folder of FILE where they
lie there. CUDA_VISIBLE_DEVICES chooses the card (-1: none). The set-up on a card was not run on hardware yet; see
sdk/train/README.md.

$PLUMBLINE_ONNXRUNTIME names the folder of another onnxruntime-node, such as one built on a Jetson; it is checked in place of
npm's.

Examples:
  $ plumbline doctor
  $ plumbline doctor --setup tensorflow
  $ plumbline doctor --setup tensorflow --cuda`,
    )
    .action((flags: DoctorFlags) => (flags.setup === undefined ? check(flags) : setUp(flags.setup, flags)));
}

async function check(flags: DoctorFlags): Promise<void> {
  if (flags.from !== undefined || flags.cuda) {
    throw new PlumblineError('PLB_CLI_USAGE', {
      problem: `${flags.cuda ? '--cuda' : '--from'} without --setup`,
      accepted: '--setup tensorflow [--cuda] [--from FILE]',
    });
  }
  const checks = await runChecks();
  if (flags.json) printJson({ checks });
  else for (const item of checks) process.stdout.write(`${describeCheck(item)}\n`);
  if (!isUsable(checks)) process.exitCode = 1;
}

/** One line, with a second one that says what to do where something is missing. */
function describeCheck({ id, ok, required, found, expected, fix }: Check): string {
  const mark = ok ? 'ok      ' : required ? 'MISSING ' : 'absent  ';
  const line = `${mark} ${id.padEnd(16)} ${found}`;
  return ok ? line : `${line} (expected: ${expected})\n${' '.repeat(26)}${fix}`;
}

/** Shows each step on stderr: with a rate and the time left where it moves bytes, by its name alone elsewhere. */
function showSteps(): ReportProgress {
  let shown: { step: string; megabytes: number; progress?: Progress } | undefined;
  return ({ step, done, total }) => {
    const movesBytes = total > 1;
    const totalMegabytes = Math.round(total / 1e6);
    if (shown?.step !== step) {
      shown = { step, megabytes: -1, ...(movesBytes ? { progress: new Progress(step, totalMegabytes, 'MB') } : {}) };
      if (!movesBytes) process.stderr.write(`${step} ...\n`);
    }
    const megabytes = done >= total ? totalMegabytes : Math.min(totalMegabytes - 1, Math.floor(done / 1e6));
    if (megabytes > shown.megabytes) shown.progress?.update(megabytes);
    shown.megabytes = megabytes;
  };
}

async function setUp(part: string, flags: DoctorFlags): Promise<void> {
  if (part !== 'tensorflow') {
    throw new PlumblineError('PLB_CLI_USAGE', {
      problem: `--setup ${part} is unknown`,
      accepted: '--setup tensorflow',
    });
  }
  const { setupTensorflow } = await loadOptional(
    'doctor',
    '@plumbline/train',
    () => import('@plumbline/train/engines'),
  );
  const startedMs = Date.now();
  const result = await setupTensorflow({
    build: flags.cuda ? 'cuda' : 'cpu',
    ...(flags.from === undefined ? {} : { wheelFile: flags.from }),
    onPlan: showPlan,
    onProgress: showSteps(),
  });
  const seconds = Math.round((Date.now() - startedMs) / 100) / 10;
  if (flags.json) {
    printJson({ engine: 'tensorflow', ...result, seconds });
    return;
  }
  for (const line of describeResult(result, flags.cuda ?? false, seconds)) process.stdout.write(`${line}\n`);
}

/** What is going to be fetched and used, on stderr, before it starts. */
function showPlan({ dir, wheels, fetchBytes, neededBytes, installedBytes }: SetupPlan): void {
  const fetch =
    wheels === 0 ? 'Fetches no wheel' : `Fetches ${wheels} wheel${wheels > 1 ? 's' : ''}, ${gigabytes(fetchBytes)}`;
  const room = `needs ${gigabytes(neededBytes)} free while it works and keeps ${gigabytes(installedBytes)} in ${dir}`;
  process.stderr.write(`${fetch}; ${room}.\n`);
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

function describeResult(result: SetupResult, asksForCuda: boolean, seconds: number): string[] {
  const isCuda = result.build === 'cuda';
  const what = `TensorFlow ${result.version}${isCuda ? ` for CUDA, computing on ${result.device},` : ''} in ${result.dir}`;
  if (result.wasSetUp) {
    const lines = [`${what} is set up and works; nothing to do.`];
    if (isCuda && !asksForCuda) lines.push('To have the build for the processor alone, remove that folder first.');
    return lines;
  }
  const lines = [`${what} is set up (${seconds} s). \`plumbline train\` now uses it.`];
  if (!result.isPinned) {
    lines.push(`${result.wheel} is not the wheel this version was tested with; its sha256 is ${result.wheelSha256}.`);
  }
  return lines;
}
