import { PlumblineError } from '@plumbline/contract';
import type { Command } from 'commander';
import { loadOptional } from '../load-package.js';
import { Progress, printJson } from '../output.js';
import { StopRequest } from '../stop-request.js';

interface FetchFlags {
  out: string;
  from?: string;
  json?: boolean;
}

export function registerDatasetFetch(dataset: Command): void {
  dataset
    .command('fetch <name>')
    .description('download a public dataset at a pinned revision; Ctrl-C stops, the same command goes on')
    .requiredOption('--out <dir>', 'folder of the dataset')
    .option('--from <url>', 'address of a copy of the folder PCBData; default: the public repository')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ plumbline dataset fetch deeppcb --out ./DeepPCB')
    .action(runFetch);
}

async function runFetch(name: string, flags: FetchFlags): Promise<void> {
  if (name !== 'deeppcb') {
    throw new PlumblineError('PLB_CLI_USAGE', { problem: `no dataset is named "${name}"`, accepted: 'deeppcb' });
  }
  const { fetchDeepPcb } = await loadOptional(
    'dataset fetch',
    '@plumbline/data',
    () => import('@plumbline/data/fetch'),
  );
  const abort = new AbortController();
  const stop = new StopRequest(
    () => {
      process.stderr.write('stopping: what is complete stays, the same command goes on\n');
      abort.abort(new PlumblineError('PLB_DATA_FETCH_STOPPED', { folder: flags.out }));
    },
    () => process.exit(1),
  );
  let progress: Progress | undefined;
  try {
    const report = await fetchDeepPcb({
      out: flags.out,
      ...(flags.from === undefined ? {} : { source: flags.from.replace(/\/$/, '') }),
      signal: abort.signal,
      onProgress: (done, total) => {
        progress ??= new Progress('fetch', total, 'files', done - 1);
        progress.update(done);
      },
    });
    const { files, downloaded, verified, unverified, spec } = report;
    if (flags.json) printJson({ ...report, unverified: unverified.length, unverifiedFiles: unverified });
    else {
      process.stdout.write(
        `${files} files, ${downloaded} downloaded, ${verified} verified, ${unverified.length} unverified: ${spec}\n` +
          unverified.map((file) => `unverified: ${file}\n`).join(''),
      );
    }
  } finally {
    stop.dispose();
  }
}
