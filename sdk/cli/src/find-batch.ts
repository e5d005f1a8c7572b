import { spawn } from 'node:child_process';
import { PlumblineError } from '@plumbline/contract';
import type { EngineName } from '@plumbline/train/engines';
import type { TrainingFigures } from '@plumbline/train/train';

/** One size that was tried. */
export interface BatchTrial {
  readonly batchSize: number;
  readonly imagesPerSecond: number;
  /** Largest resident memory of the process that trained with it. */
  readonly peakMb: number;
}

export interface FoundBatch {
  readonly batchSize: number;
  readonly trials: readonly BatchTrial[];
  /** Sizes that did not fit when they were tried. */
  readonly refused: readonly number[];
}

/** Share of the free memory that a run may take: the loader, the cache of images and other programs need some too. */
export const usableShare = 0.8;

/**
 * The largest batch that fits: doubles until memory is, or would be, exceeded, then tries quarters of the last step.
 * @param tryBatch trains a step with so many images; undefined where they do not fit
 * @param largest no larger one is tried
 * @param budgetMb a size whose memory is expected to exceed it is not tried
 * @throws {PlumblineError} PLB_TRAIN_BATCH_NONE_FITS
 */
export async function findBatchSize(
  tryBatch: (batchSize: number) => Promise<BatchTrial | undefined>,
  largest: number,
  budgetMb: number,
): Promise<FoundBatch> {
  const trials: BatchTrial[] = [];
  const refused: number[] = [];
  const fits = async (batchSize: number) => {
    if (expectedMb(trials, batchSize) > budgetMb) return false;
    const trial = await tryBatch(batchSize);
    if (trial && trial.peakMb <= budgetMb) trials.push(trial);
    else refused.push(batchSize);
    return trials.at(-1)?.batchSize === batchSize;
  };
  let next = 1;
  while (next <= largest && (await fits(next))) next = next === largest ? largest + 1 : Math.min(2 * next, largest);
  const good = trials.at(-1)?.batchSize;
  if (good === undefined) throw new PlumblineError('PLB_TRAIN_BATCH_NONE_FITS', { megabytes: Math.round(budgetMb) });
  const step = Math.max(1, good >> 2);
  const between = Array.from({ length: 3 }, (_, i) => good + (3 - i) * step).filter((size) => size < next);
  for (const size of between) if (await fits(size)) break;
  return { batchSize: trials.at(-1)!.batchSize, trials, refused };
}

/** By the growth between the last two trials; 0 where nothing is known. */
function expectedMb(trials: readonly BatchTrial[], batchSize: number): number {
  const [before, last] = trials.slice(-2);
  if (!before || !last) return 0;
  const perImage = Math.max(0, (last.peakMb - before.peakMb) / (last.batchSize - before.batchSize));
  return last.peakMb + perImage * (batchSize - last.batchSize);
}

/** What a process says, or fails to say, when memory ends it rather than a mistake. */
const outOfMemory =
  /PLB_TRAIN_DEVICE_OUT_OF_MEMORY|RESOURCE_EXHAUSTED|OOM when allocating|bad_alloc|Cannot allocate memory|Array buffer allocation failed|memory access out of bounds|heap out of memory/;

/**
 * Trains two steps in a process of its own, so that one which memory ends costs nothing.
 * @param program file of the `plumbline` command
 * @throws {PlumblineError} PLB_TRAIN_BATCH_TRIAL_FAILED when it fails for another reason
 */
export async function tryBatchInProcess(
  configFile: string,
  engine: EngineName,
  batchSize: number,
  program = process.argv[1]!,
): Promise<BatchTrial | undefined> {
  const args = ['bench', 'train', '--config', configFile, '--engine', engine, '--batch', String(batchSize)];
  const child = spawn(process.execPath, [program, ...args, '--steps', '1', '--warm-up', '1', '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
    child.on('close', (...ended) => resolve(ended)),
  );
  if (code === 0) {
    const { imagesPerSecond, peakRssMb } = JSON.parse(output.stdout) as TrainingFigures;
    return { batchSize, imagesPerSecond, peakMb: peakRssMb };
  }
  // The kernel ends what takes too much with SIGKILL; an allocation that fails in a library, with SIGABRT.
  if (signal === 'SIGKILL' || signal === 'SIGABRT' || outOfMemory.test(output.stderr)) return undefined;
  const reason = output.stderr.trim().split('\n').at(-1) || `exit ${code ?? signal}`;
  throw new PlumblineError('PLB_TRAIN_BATCH_TRIAL_FAILED', { batchSize, reason });
}
