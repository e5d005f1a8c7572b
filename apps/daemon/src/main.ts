#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { isPlumblineError, toErrorReport } from '@plumbline/contract';
import { pino } from 'pino';
import { createDaemon } from './daemon.js';
import { endAtOnce } from './end-at-once.js';
import { loadLine } from './line-setup.js';

const usage = `Usage: plumblined --line FILE [--log-level info]

Inspects until SIGTERM: frames to verdicts to MQTT. Logs JSON lines on stdout.

Example:
  $ plumblined --line /etc/plumbline/line.yaml
`;

/** The service as systemd starts it: one line, JSON logs, SIGTERM drains and exits with 0. */
async function main(): Promise<number> {
  let values: { line?: string | undefined; 'log-level': string; help: boolean };
  try {
    ({ values } = parseArgs({
      options: {
        line: { type: 'string' },
        'log-level': { type: 'string', default: 'info' },
        help: { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`);
    return 2;
  }
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const level = values['log-level'];
  if (!values.line || !(level in pino.levels.values)) {
    const problem = values.line
      ? `--log-level ${level} is none of ${Object.keys(pino.levels.values).join(', ')}`
      : 'no --line';
    process.stderr.write(`${problem}\n\n${usage}`);
    return 2;
  }
  const logger = pino({ level });
  try {
    const daemon = createDaemon({ setup: loadLine(values.line), logger });
    let isStopping = false;
    const stopped = new Promise<void>((resolve) => {
      const stop = (signal: string) => {
        if (isStopping) return;
        isStopping = true;
        logger.info({ signal }, 'stopping');
        resolve(daemon.stop());
      };
      process.on('SIGTERM', stop).on('SIGINT', stop);
    });
    await daemon.start().catch((error) => {
      if (!isStopping) throw error;
    });
    if (!isStopping) logger.info({ address: daemon.address }, 'running');
    await stopped;
    logger.info(daemon.summary(), 'stopped');
    // An inference that hangs in native code would hold its thread and with it the process.
    if (!daemon.hasStoppedCleanly) endAtOnce();
    return 0;
  } catch (error) {
    const report = toErrorReport(error);
    logger.fatal(report, report.message);
    return isPlumblineError(error) && error.kind === 'input' ? 2 : 1;
  }
}

process.exitCode = await main();
