import { PlumblineError, type TrainConfig, trainConfigSchema } from '@plumbline/contract';
import { loadConfig } from '@plumbline/core/config';
import type { EngineChoice } from '@plumbline/train/engines';
import type { TrainingFigures } from '@plumbline/train/train';
import type { Command } from 'commander';
import { askPeer } from '../ask-peer.js';
import { engineOption, printEngine } from '../engine-option.js';
import { loadOptional } from '../load-package.js';
import { parseCount } from '../option-values.js';
import { Progress, printJson } from '../output.js';

interface TrainBenchFlags {
  config: string;
  engine: EngineChoice;
  batch: string;
  side?: string;
  steps: string;
  warmUp: string;
  threads?: string;
  peer: string[];
  json?: boolean;
}

/** What a peer prints. */
interface TrainAnswer {
  readonly version: string;
  readonly device: string;
  readonly stepSeconds: readonly number[];
  readonly loss: Readonly<Record<string, number>>;
}

type PeerRow = { readonly command: string } & (
  | { readonly version: string; readonly device: string; readonly imagesPerSecond: number; readonly ratio: number }
  | { readonly missing: string }
);

export function registerBenchTrain(bench: Command): void {
  bench
    .command('train')
    .description('images a second of whole training steps on made-up images, and where the time of a step goes')
    .requiredOption('--config <file>', 'train.yaml')
    .addOption(engineOption())
    .option('--batch <n>', 'images of a step', '4')
    .option('--side <px>', 'height and width of the network input; default: as the configuration says')
    .option('--steps <n>', 'steps that are timed', '10')
    .option('--warm-up <n>', 'steps before', '3')
    .option('--threads <n>', 'threads of a peer on the CPU; default: its own choice')
    .option('--peer <command>', 'a program that times the same job, see test/bench; can be repeated', collect, [])
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExample:\n  $ plumbline bench train --config models/pcb-defects-nano/train.yaml --side 640 --peer "python3 test/bench/train_peer.py"',
    )
    .action(runBenchTrain);
}

const collect = (value: string, before: string[]) => [...before, value];

async function runBenchTrain(flags: TrainBenchFlags): Promise<void> {
  const [steps, warmUp] = [parseCount(flags.steps, '--steps'), parseCount(flags.warmUp, '--warm-up')];
  const given = loadConfig(flags.config, trainConfigSchema);
  const side = flags.side === undefined ? undefined : parseCount(flags.side, '--side');
  if (side !== undefined && side % 32 !== 0) {
    throw new PlumblineError('PLB_CLI_USAGE', { problem: `--side is ${side}`, accepted: 'a multiple of 32' });
  }
  const config: TrainConfig = {
    ...given,
    imageSizeHw: side === undefined ? given.imageSizeHw : [side, side],
    schedule: { ...given.schedule, batchSize: parseCount(flags.batch, '--batch'), accumulateBatches: 1 },
  };
  const { loadEngine } = await loadOptional(
    'bench train',
    '@plumbline/train',
    () => import('@plumbline/train/engines'),
  );
  const { benchBatch, benchTraining } = await import('@plumbline/train/train');
  const { hardwareFacts } = await import('@plumbline/runtime/bench');
  const engine = await loadEngine(flags.engine);
  printEngine(engine);
  const progress = new Progress('bench train', warmUp + steps, 'steps');
  const batch = benchBatch(config);
  const figures = await benchTraining(engine, config, batch, steps, warmUp, (step) => progress.update(step));
  const gt = batch.gt.map(({ boxesXyxy, labels }) => ({
    boxes: [...boxesXyxy],
    labels: [...labels],
  }));
  const threads = flags.threads === undefined ? null : parseCount(flags.threads, '--threads');
  const job = {
    config,
    gt,
    steps,
    warmUp,
    threads,
    device: engine.device === 'cpu' ? 'cpu' : 'cuda',
    seed: config.seed,
  };
  const peers: PeerRow[] = [];
  for (const command of flags.peer) {
    process.stderr.write(`bench train: ${command}\n`);
    peers.push(await timePeer(command, job, figures));
  }
  const report = {
    engine: { name: engine.name, version: engine.version, device: engine.device },
    imageSizeHw: config.imageSizeHw,
    batchSize: config.schedule.batchSize,
    ...figures,
    peers,
    hardware: hardwareFacts(),
  };
  if (flags.json) printJson(report);
  else process.stdout.write(asText(report));
}

async function timePeer(
  command: string,
  job: { readonly config: TrainConfig },
  { imagesPerSecond }: TrainingFigures,
): Promise<PeerRow> {
  const answered = await askPeer<TrainAnswer>(command, job);
  if ('missing' in answered) return { command, missing: answered.missing };
  const { version, device, stepSeconds } = answered.answer;
  const total = stepSeconds.reduce((sum, value) => sum + value, 0);
  const theirs = (stepSeconds.length * job.config.schedule.batchSize) / total;
  return { command, version, device, imagesPerSecond: theirs, ratio: imagesPerSecond / theirs };
}

interface Report extends TrainingFigures {
  readonly engine: { readonly name: string; readonly version: string; readonly device: string };
  readonly imageSizeHw: readonly [number, number];
  readonly batchSize: number;
  readonly peers: readonly PeerRow[];
  readonly hardware: { readonly cpu: string };
}

function asText(report: Report): string {
  const { engine, imageSizeHw, batchSize, imagesPerSecond, stepSeconds, phases, hostShare, operations } = report;
  const ms = (seconds: number) => `${(1000 * seconds).toFixed(seconds < 0.1 ? 1 : 0)} ms`;
  const sorted = [...stepSeconds].sort((a, b) => a - b);
  const lines = [
    `${engine.name} ${engine.version} on ${engine.device}, ${imageSizeHw[1]} x ${imageSizeHw[0]}, batch ${batchSize}`,
    `${imagesPerSecond.toFixed(2)} images/s; step ${ms(sorted[sorted.length >> 1]!)} (${ms(sorted[0]!)} to ${ms(sorted.at(-1)!)}): ` +
      `forward ${ms(phases.forward)}, backward ${ms(phases.backward)}, update ${ms(phases.update)}`,
    hostShare === null
      ? 'host share: not measurable, the engine computes beside this thread'
      : `host share ${(100 * hostShare).toFixed(1)} % (proposals, matching, sampling, tape)`,
    ...operations.map(({ name, seconds, calls }) => `  ${name.padEnd(28)}${ms(seconds).padStart(9)}  ${calls} calls`),
    `tensors ${report.tensors.join(' to ')}, resident memory ${report.rssMb.map((mb) => mb.toFixed(0)).join(' to ')} MB, at most ${report.peakRssMb.toFixed(0)} MB`,
    ...report.peers.map((peer) =>
      'missing' in peer
        ? `${peer.command} left out: ${peer.missing}`
        : `${peer.version} on ${peer.device}: ${peer.imagesPerSecond.toFixed(2)} images/s, ratio ${peer.ratio.toFixed(2)}`,
    ),
    report.hardware.cpu,
  ];
  return `${lines.join('\n')}\n`;
}
