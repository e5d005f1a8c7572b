import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { Command } from 'commander';
import { printJson } from '../output.js';

export function registerOutbox(program: Command): void {
  const outbox = program.command('outbox').description('look into the store of undelivered verdicts, read-only');
  outbox
    .command('inspect <file>')
    .description('print how much is waiting, how far delivery has come and what was dropped')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ plumbline outbox inspect data/outbox.db')
    .action(async (file: string, options: { json?: boolean }) => {
      const { openOutboxReader } = await import('@plumbline/edge/publish');
      const reader = openOutboxReader(file);
      try {
        const summary = reader.summary();
        if (options.json) return printJson({ file, ...summary });
        const time = (ms: number | null) => (ms === null ? '-' : new Date(ms).toISOString());
        process.stdout.write(
          `${file}: station ${summary.sourceId}, epoch ${summary.epoch}\n` +
            `${summary.depth} waiting (safe when ${summary.safeWhen}), ${summary.records} stored, ${summary.storedBytes} bytes, ${summary.dropped} dropped\n` +
            `last seq ${summary.lastSeq}, published up to ${summary.publishedSeq}, acknowledged up to ${summary.ackedSeq}\n` +
            `oldest ${time(summary.oldestMs)}, newest ${time(summary.newestMs)}\n`,
        );
        for (const { fromSeq, toSeq } of summary.gaps) process.stdout.write(`dropped: seq ${fromSeq} to ${toSeq}\n`);
      } finally {
        reader.close();
      }
    });
  outbox
    .command('export <file>')
    .description('write the stored payloads, one JSON document a line, in the order of their seq')
    .option('--out <file>', 'write to this file instead of stdout')
    .option('--json', 'with --out: print one JSON document about what was written')
    .addHelpText('after', '\nExample:\n  $ plumbline outbox export data/outbox.db --out verdicts.jsonl')
    .action(async (file: string, options: { out?: string; json?: boolean }) => {
      const { openOutboxReader } = await import('@plumbline/edge/publish');
      const reader = openOutboxReader(file);
      try {
        const target = options.out === undefined ? process.stdout : createWriteStream(options.out);
        let records = 0;
        for (const record of reader.records()) {
          if (!target.write(`${record.body}\n`)) await once(target, 'drain');
          records += 1;
        }
        if (options.out === undefined) return;
        target.end();
        await once(target, 'finish');
        if (options.json) printJson({ file, out: options.out, records });
        else process.stdout.write(`${options.out}: ${records} records\n`);
      } finally {
        reader.close();
      }
    });
}
