import type { SuppressedSet } from '@plumbline/deploy/export';
import type { Command } from 'commander';
import { loadOptional } from '../load-package.js';
import { parseCount } from '../option-values.js';
import { Progress, printJson } from '../output.js';

interface BenchNmsFlags {
  checkpoint: string;
  data: string;
  images: string;
  json?: boolean;
}

export function registerBenchNms(bench: Command): void {
  bench
    .command('nms')
    .description('compare the matrix NMS of TensorRT files with greedy suppression, on the proposals of real images')
    .requiredOption('--checkpoint <dir>', 'checkpoint folder, or an exported model')
    .requiredOption('--data <spec>', 'images; each gives a set of proposals per level of the pyramid')
    .option('--images <n>', 'only the first n', '200')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExample:\n  $ plumbline bench nms --checkpoint models/pcb-defects-nano --data deeppcb:DeepPCB#val-report --images 200',
    )
    .action(runBenchNms);
}

async function runBenchNms(flags: BenchNmsFlags): Promise<void> {
  const deploy = await loadOptional('bench nms', '@plumbline/deploy', () => import('@plumbline/deploy/export'));
  const data = await loadOptional('bench nms', '@plumbline/data', () => import('@plumbline/data/dataset'));
  const { hardwareFacts, quantile } = await import('@plumbline/runtime/bench');
  const samples = (await data.openDataset(flags.data)).samples.slice(0, parseCount(flags.images, '--images'));
  const study = await deploy.NmsStudy.open(await deploy.readCheckpoint(flags.checkpoint));
  const progress = new Progress('bench nms', samples.length, 'images');
  const sets: SuppressedSet[] = [];
  try {
    for (const [i, { file }] of samples.entries()) {
      sets.push(...(await study.run(await data.readImageRgb(file))));
      progress.update(i + 1);
    }
  } finally {
    await study.dispose();
  }
  const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b);
  const rounds = sorted(sets.map((set) => set.roundsNeeded));
  const medianMs = (part: keyof SuppressedSet['ms']) => quantile(sorted(sets.map(({ ms }) => ms[part])), 0.5);
  const report = {
    images: samples.length,
    sets: sets.length,
    boxesPerSet: sets.reduce((sum, { boxes }) => sum + boxes, 0) / sets.length,
    keptPerSet: sets.reduce((sum, { kept }) => sum + kept, 0) / sets.length,
    equal: sets.filter(({ isEqual }) => isEqual).length,
    rounds: {
      inGraph: deploy.matrixNmsRounds,
      p50: quantile(rounds, 0.5),
      p99: quantile(rounds, 0.99),
      max: rounds.at(-1)!,
      histogram: Object.fromEntries([...new Set(rounds)].map((n) => [n, rounds.filter((value) => value === n).length])),
    },
    medianMs: { matrix: medianMs('matrix'), operator: medianMs('operator'), greedy: medianMs('greedy') },
    hardware: hardwareFacts(),
  };
  if (flags.json) return printJson(report);
  const { medianMs: ms } = report;
  process.stdout.write(
    `${report.equal} of ${report.sets} sets equal to greedy suppression (${report.boxesPerSet.toFixed(0)} boxes, ` +
      `${report.keptPerSet.toFixed(0)} kept)\n` +
      `rounds needed: median ${report.rounds.p50}, p99 ${report.rounds.p99}, most ${report.rounds.max}; in the graph ${report.rounds.inGraph}\n` +
      `median of a set on this processor: matrix ${ms.matrix.toFixed(2)} ms, NonMaxSuppression ${ms.operator.toFixed(2)} ms, ` +
      `greedy in TypeScript ${ms.greedy.toFixed(2)} ms\n`,
  );
}
