import { isPlumblineError, type PlumblineError, toErrorReport } from '@plumbline/contract';
import { Command, CommanderError } from 'commander';
import { registerCommands } from './commands/index.js';

/**
 * Runs one `plumbline` command.
 * @returns the exit code: 0 ok, 1 the work failed or a gate was missed, 2 wrong usage or invalid input
 */
export async function runCli(argv: readonly string[]): Promise<number> {
  const program = new Command('plumbline')
    .description('Train, export and run a localisation-accurate detector at the line')
    .version('0.1.0')
    .option('--verbose', 'print stack traces of failures')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true });
  registerCommands(program);
  for (const command of walk(program)) command.exitOverride();
  const wantsJson = argv.includes('--json');
  try {
    await program.parseAsync([...argv]);
    return typeof process.exitCode === 'number' ? process.exitCode : 0;
  } catch (error) {
    // Commander has printed its own message for wrong usage, and help or version for exit code 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const report = toErrorReport(error);
    if (wantsJson) process.stdout.write(`${JSON.stringify({ error: report })}\n`);
    process.stderr.write(`${report.code}: ${report.message}\n${report.help}\n`);
    if (argv.includes('--verbose') && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    return isPlumblineError(error) && (error as PlumblineError).kind === 'input' ? 2 : 1;
  }
}

function* walk(command: Command): Generator<Command> {
  for (const child of command.commands) {
    yield child;
    yield* walk(child);
  }
}
