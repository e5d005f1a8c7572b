import { resolve } from 'node:path';
import type { Command } from 'commander';
import { printJson } from '../output.js';
import { quietLogger, sayer } from './run.js';

interface ReplayOptions {
  images: string;
  line: string;
  json?: boolean;
}

export function registerReplay(program: Command): void {
  program
    .command('replay')
    .description('inspect every image of a folder once, with the model, rules and publisher of a line')
    .requiredOption('--images <dir>', 'folder with images, read in name order')
    .requiredOption('--line <file>', 'line.yaml of the station')
    .option('--json', 'print one JSON document at the end')
    .addHelpText(
      'after',
      '\nNo frame is dropped, however slow the inspection is. The console is not served.\n\nExample:\n  $ plumbline replay --images ./suspects --line line.yaml --json',
    )
    .action(async (options: ReplayOptions) => {
      const { createDaemon, loadLine } = await import('@plumbline/daemon');
      const { runLine } = await import('../line-run.js');
      const say = sayer(options.json);
      const daemon = createDaemon({
        setup: loadLine(options.line),
        logger: quietLogger(),
        source: { kind: 'images', path: resolve(options.images), framesPerSecond: 1000, loop: false },
        isLossless: true,
        hasNoHttp: true,
      });
      const report = await runLine({ daemon, endsWithSource: true, checkedBrokerUrl: null, say });
      if (options.json) printJson(report);
      else say(JSON.stringify(report));
    });
}
