import type { TrainConfig } from '@plumbline/contract';
import { createRandom } from '@plumbline/core/random';
import { type Engine, type KernelClock, startKernelClock } from '../engines/index.js';
import { createDetectorModel, type GroundTruth } from '../model/index.js';
import { Sgd } from './sgd.js';
import { type StepBatch, type StepSeconds, trainStep } from './train-step.js';

/** For a configuration that takes its classes from the data. */
const unnamed = ['a', 'b', 'c', 'd', 'e', 'f'];
/** Boxes of each made-up image. */
const boxesPerImage = 16;

export interface TrainingFigures {
  /** Steps that were timed. */
  readonly steps: number;
  readonly imagesPerSecond: number;
  /** Of each timed step, in order. */
  readonly stepSeconds: readonly number[];
  /** Mean of the timed steps. */
  readonly phases: StepSeconds;
  /**
   * Share of the step that the engine did not compute: proposals, matching, sampling and the bookkeeping of the tape.
   * null where the engine computes beside this thread.
   */
  readonly hostShare: number | null;
  /** Operations of the engine that took most, seconds a step. */
  readonly operations: readonly { readonly name: string; readonly seconds: number; readonly calls: number }[];
  readonly loss: Readonly<Record<string, number>>;
  /** Tensors at the first and last timed step. */
  readonly tensors: readonly [first: number, last: number];
  readonly rssMb: readonly [first: number, last: number];
  /** Largest resident memory that this process ever had. */
  readonly peakRssMb: number;
}

/**
 * Times whole training steps on one batch, see {@link benchBatch}: forward, losses, gradients and optimizer, without a loader.
 * @param warmUp steps before the clock starts
 */
export async function benchTraining(
  engine: Engine,
  config: TrainConfig,
  batch: StepBatch,
  steps: number,
  warmUp: number,
  onStep: (step: number) => void = () => {},
): Promise<TrainingFigures> {
  const model = createDetectorModel(config, config.classes ?? unnamed);
  const optimizer = new Sgd(model.parameters, config.schedule);
  const random = createRandom(config.seed + 1);
  const stepSeconds: number[] = [];
  const sums = { forward: 0, backward: 0, update: 0 };
  const held: { tensors: number; rssMb: number }[] = [];
  let loss: Readonly<Record<string, number>> = {};
  let clock: KernelClock | undefined;
  for (let step = 0; step < warmUp + steps; step++) {
    if (step === warmUp) clock = startKernelClock();
    const startedMs = performance.now();
    const outcome = await trainStep(model, optimizer, [batch], 1e-4, random.choose);
    onStep(step + 1);
    if (step < warmUp) continue;
    stepSeconds.push((performance.now() - startedMs) / 1000);
    for (const phase of ['forward', 'backward', 'update'] as const) sums[phase] += outcome.seconds[phase] / steps;
    loss = outcome.loss;
    const { numTensors, rssBytes } = engine.memory();
    held.push({ tensors: numTensors, rssMb: rssBytes / 1e6 });
  }
  const operations = clock?.stop() ?? [];
  const total = stepSeconds.reduce((sum, value) => sum + value, 0);
  const computed = operations.reduce((sum, { seconds }) => sum + seconds, 0);
  const [first, last] = [held[0]!, held.at(-1)!];
  return {
    steps,
    imagesPerSecond: (steps * config.schedule.batchSize) / total,
    stepSeconds,
    phases: sums,
    hostShare: clock ? 1 - computed / total : null,
    operations: operations
      .map(({ name, seconds, calls }) => ({ name, seconds: seconds / steps, calls: calls / steps }))
      .slice(0, 12),
    loss,
    tensors: [first.tensors, last.tensors],
    rssMb: [first.rssMb, last.rssMb],
    peakRssMb: (process.resourceUsage().maxRSS * 1024) / 1e6,
  };
}

/** Noise with boxes of 48 to 128 px at random places; the same for every engine and peer. */
export function benchBatch({ imageSizeHw, schedule, seed, classes = unnamed }: TrainConfig): StepBatch {
  const [height, width] = imageSizeHw;
  const random = createRandom(seed);
  const pixels = Float32Array.from({ length: schedule.batchSize * height * width * 3 }, () => 2 * random.next() - 1);
  const gt = Array.from({ length: schedule.batchSize }, (): GroundTruth => {
    const boxesXyxy = new Float32Array(4 * boxesPerImage);
    const labels = new Int32Array(boxesPerImage);
    for (let i = 0; i < boxesPerImage; i++) {
      const [w, h] = [48 + 80 * random.next(), 48 + 80 * random.next()];
      const [x, y] = [(width - w) * random.next(), (height - h) * random.next()];
      boxesXyxy.set([x, y, x + w, y + h], 4 * i);
      labels[i] = random.int(classes.length);
    }
    return { boxesXyxy, labels };
  });
  return { pixels, sizeHw: imageSizeHw, gt };
}
