import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PlumblineError } from '@plumbline/contract';
import { type Logger, stderrLogger } from '@plumbline/core/log';
import type { Command } from 'commander';
import { parseDurationMs } from '../duration.js';
import { printJson } from '../output.js';

interface RunOptions {
  line?: string;
  demo?: boolean;
  duration?: string;
  json?: boolean;
}

export function registerRun(program: Command): void {
  program
    .command('run')
    .description('inspect in the foreground: frames to verdicts to MQTT, with the operator console')
    .option('--line <file>', 'line.yaml of the station')
    .option('--demo', 'with an MQTT broker and a MES inside this process; without --line the shipped boards and model')
    .option('--duration <time>', 'stop after this time, for example 20s')
    .option('--json', 'print one JSON document at the end')
    .addHelpText(
      'after',
      '\nExamples:\n  $ plumbline run --demo\n  $ plumbline run --line line.yaml --duration 20s --json',
    )
    .action(async (options: RunOptions) => {
      const durationMs = options.duration === undefined ? undefined : parseDurationMs(options.duration);
      if (!options.line && !options.demo) {
        throw new PlumblineError('PLB_CLI_USAGE', { problem: 'no line is named', accepted: '--line FILE or --demo' });
      }
      const { createDaemon, loadLine, startDemoBroker } = await import('@plumbline/daemon');
      const { runLine } = await import('../line-run.js');
      const say = sayer(options.json);
      const setup = loadLine(options.line ?? findDemoLine());
      // The shipped demo leaves nothing behind and may run several times at once.
      const storeDir = options.line ? undefined : await mkdtemp(join(tmpdir(), 'plumbline-demo-'));
      const broker = options.demo ? await startDemoBroker() : null;
      try {
        const daemon = createDaemon({
          setup,
          logger: quietLogger(),
          isDemo: options.demo ?? false,
          ...(broker ? { brokerUrl: broker.url } : {}),
          ...(storeDir ? { storeDir } : {}),
        });
        const isChecked = broker !== null && setup.config.publish.length > 0;
        const report = await runLine({
          daemon,
          durationMs,
          endsWithSource: false,
          checkedBrokerUrl: isChecked ? broker.url : null,
          say,
        });
        if (options.json) printJson(report);
        else say(JSON.stringify(report));
      } finally {
        await broker?.close();
        if (storeDir) await rm(storeDir, { recursive: true, force: true });
      }
    });
}

/** Lines for a person: on stdout, or on stderr where stdout carries the JSON document. */
export function sayer(isJson: boolean | undefined): (line: string) => void {
  const stream = isJson ? process.stderr : process.stdout;
  return (line) => void stream.write(`${line}\n`);
}

/** Warnings and errors only: progress has its own lines. */
export function quietLogger(): Logger {
  return { ...stderrLogger(), info: () => {} };
}

/** The demo's line.yaml in the checkout that this command belongs to. */
function findDemoLine(): string {
  const relative = 'firmware-configs/lines/demo/line.yaml';
  for (let dir = dirname(fileURLToPath(import.meta.url)); dir !== dirname(dir); dir = dirname(dir)) {
    if (existsSync(join(dir, relative))) return join(dir, relative);
  }
  throw new PlumblineError('PLB_CLI_USAGE', {
    problem: `${relative} is not beside this installation`,
    accepted: '--line FILE with a line.yaml of your own, or a checkout of the repository',
  });
}
