import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PlumblineError } from '@plumbline/contract';
import type { Command } from 'commander';
import { measureOwn, type OwnTiming } from '../bench-eval/measure.js';
import { evalPeers, measurePeer } from '../bench-eval/python-peers.js';
import { type EvalWorkload, writeWorkload } from '../bench-eval/workload.js';
import { parseCount } from '../option-values.js';
import { printJson } from '../output.js';

interface EvalFlags {
  gt?: string;
  dt?: string;
  images: string;
  python: string;
  repeat: string;
  json?: boolean;
}

/** What is timed in this run; `missing` says why a peer is not. */
interface Row {
  name: string;
  version?: string;
  loadSeconds?: number;
  evaluateSeconds?: number;
  totalSeconds?: number;
  /** Its total divided by Plumbline's. */
  ratio?: number;
  /** Largest absolute difference of the twelve figures from Plumbline's. */
  maxDifference?: number;
  maxRssMb?: number;
  missing?: string;
}

export function registerBenchEval(bench: Command): void {
  bench
    .command('eval')
    .description('load and evaluate COCO files, beside pycocotools, faster-coco-eval and hotcoco where Python has them')
    .option('--gt <file>', 'COCO annotations; absent: made up, of the size of COCO val')
    .option('--dt <file>', 'COCO results for --gt')
    .option('--images <n>', 'size of the workload that is made up', '5000')
    .option('--python <path>', 'interpreter that has the peers', 'python3')
    .option('--repeat <n>', 'runs of each, in turn; the median counts', '1')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ plumbline bench eval --python .venv/bin/python --repeat 3')
    .action(runBenchEval);
}

async function runBenchEval(flags: EvalFlags): Promise<void> {
  if ((flags.gt === undefined) !== (flags.dt === undefined)) {
    const problem = 'one of --gt and --dt is missing';
    throw new PlumblineError('PLB_CLI_USAGE', { problem, accepted: 'both or none' });
  }
  const images = parseCount(flags.images, '--images');
  const repeat = parseCount(flags.repeat, '--repeat');
  const { hardwareFacts } = await import('@plumbline/runtime/bench');
  const folder = await mkdtemp(join(tmpdir(), 'plumbline-bench-eval-'));
  try {
    const workload: EvalWorkload =
      flags.gt && flags.dt ? { gt: flags.gt, dt: flags.dt } : await writeWorkload(folder, images);
    const rows = await measureAll(workload, flags.python, repeat);
    const report = { rows, repeat, hardware: hardwareFacts() };
    if (flags.json) printJson(report);
    else
      process.stdout.write(
        `${asTable(rows)}one thread where no other number is named, cold process, ${report.hardware.cpu}\n`,
      );
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function measureAll(workload: EvalWorkload, python: string, repeat: number): Promise<Row[]> {
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const threads = availableParallelism();
  const own: OwnTiming[] = [];
  const threaded: OwnTiming[] = [];
  const peers = new Map<string, Exclude<Awaited<ReturnType<typeof measurePeer>>, { missing: string }>[]>();
  const missing = new Map<string, string>();
  for (let run = 0; run < repeat; run++) {
    own.push(await measureOwn(workload, 1));
    if (threads > 1) threaded.push(await measureOwn(workload, threads));
    for (const peer of evalPeers) {
      if (missing.has(peer)) continue;
      say(`bench eval: run ${run + 1} of ${repeat}, ${peer}`);
      const outcome = await measurePeer(python, peer, workload);
      if ('missing' in outcome) {
        missing.set(peer, outcome.missing);
        say(`${peer} left out: ${outcome.missing}`);
      } else peers.set(peer, [...(peers.get(peer) ?? []), outcome]);
    }
  }
  const total = (timing: { loadSeconds: number; evaluateSeconds: number }) =>
    timing.loadSeconds + timing.evaluateSeconds;
  const median = <T extends { loadSeconds: number; evaluateSeconds: number }>(runs: readonly T[]): T =>
    [...runs].sort((a, b) => total(a) - total(b))[runs.length >> 1]!;
  const ours = median(own);
  const difference = (stats: readonly number[]) =>
    Math.max(...stats.map((value, i) => Math.abs(value - ours.stats[i]!)));
  const ownRow = (name: string, runs: readonly OwnTiming[]): Row => {
    const { loadSeconds, evaluateSeconds, stats } = median(runs);
    const totalSeconds = loadSeconds + evaluateSeconds;
    const maxRssMb = Math.max(...runs.map((run) => run.maxRssMb));
    const [ratio, maxDifference] = [totalSeconds / total(ours), difference(stats)];
    return { name, loadSeconds, evaluateSeconds, totalSeconds, ratio, maxDifference, maxRssMb };
  };
  return [
    ownRow('plumbline', own),
    ...(threads > 1 ? [ownRow(`plumbline, ${threads} threads`, threaded)] : []),
    ...evalPeers.map((name): Row => {
      const runs = peers.get(name);
      if (!runs) return { name, missing: missing.get(name)! };
      const { version, ...timing } = median(runs);
      return {
        name,
        version,
        loadSeconds: timing.loadSeconds,
        evaluateSeconds: timing.evaluateSeconds,
        totalSeconds: total(timing),
        ratio: total(timing) / total(ours),
        maxDifference: difference(timing.stats),
      };
    }),
  ];
}

function asTable(rows: readonly Row[]): string {
  const header = `${'evaluator'.padEnd(26)}${'load s'.padStart(9)}${'eval s'.padStart(9)}${'total s'.padStart(9)}${'ratio'.padStart(8)}${'difference'.padStart(12)}\n`;
  const lines = rows.map((row) => {
    const { name, version, loadSeconds, evaluateSeconds, totalSeconds, ratio, maxDifference, maxRssMb, missing } = row;
    if (missing !== undefined) return `${name.padEnd(26)} left out: ${missing}\n`;
    const seconds = [loadSeconds!, evaluateSeconds!, totalSeconds!]
      .map((value) => value.toFixed(2).padStart(9))
      .join('');
    const memory = maxRssMb === undefined ? '' : `  ${maxRssMb.toFixed(0)} MB`;
    return `${`${name} ${version ?? ''}`.padEnd(26)}${seconds}${ratio!.toFixed(2).padStart(8)}${maxDifference!.toExponential(1).padStart(12)}${memory}\n`;
  });
  return header + lines.join('');
}
