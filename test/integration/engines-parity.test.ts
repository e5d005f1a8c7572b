import { join } from 'node:path';
import { type TrainConfig, trainConfigSchema } from '@plumbline/contract';
import { loadConfig } from '@plumbline/core/config';
import { createRandom } from '@plumbline/core/random';
import { type EngineName, loadEngine, type Reading, read, variableGradients } from '@plumbline/train/engines';
import {
  createDetectorModel,
  type ForwardContext,
  modelAnchors,
  runTrunk,
  trainingLossesReading,
} from '@plumbline/train/model';
import { benchBatch, Sgd, trainStep } from '@plumbline/train/train';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { hasTensorflow, tensorflowSkipReason } from '../fixtures/tensorflow.js';

const root = join(import.meta.dirname, '..', '..');
const shipped = loadConfig(join(root, 'models', 'pcb-defects-nano', 'train.yaml'), trainConfigSchema);
/** The shipped network, at a size of which wasm takes a step in a second or two. */
const config: TrainConfig = {
  ...shipped,
  imageSizeHw: [96, 96],
  schedule: { ...shipped.schedule, batchSize: 2 },
};

interface Step {
  readonly loss: Readonly<Record<string, number>>;
  readonly positives: readonly number[];
  readonly seconds: number;
}

/** The first step of a run, proposals, matching and sampling included. */
async function firstStep(engine: EngineName): Promise<Step> {
  await loadEngine(engine);
  const model = createDetectorModel(config, config.classes!);
  const optimizer = new Sgd(model.parameters, config.schedule);
  const startedMs = performance.now();
  const { loss, positives } = await trainStep(model, optimizer, [benchBatch(config)], 0.01, createRandom(3).choose);
  return { loss, positives, seconds: (performance.now() - startedMs) / 1000 };
}

/** Passes the values that a step reads on: RPN outputs and refined boxes decide proposals, assignments and samples. */
function* exchanging<Result>(
  reading: Reading<Result>,
  exchange: (values: Float32Array) => Float32Array,
): Reading<Result> {
  let next = reading.next();
  while (!next.done) next = reading.next(exchange(yield next.value));
  return next.value;
}

/** Losses and gradients of the first step. @param exchange sees what is read, and says what is used of it */
async function lossesAndGradients(engine: EngineName, exchange: (values: Float32Array) => Float32Array) {
  await loadEngine(engine);
  const model = createDetectorModel(config, config.classes!);
  const { pixels, sizeHw, gt } = benchBatch(config);
  const context: ForwardContext = { training: true, batchStatistics: [] };
  const trainable = model.parameters.filter((parameter) => parameter.trainable);
  const losses: number[] = [];
  const { grads } = await variableGradients(
    function* () {
      const trunk = runTrunk(model, tf.tensor4d(pixels, [gt.length, ...sizeHw, 3]), context);
      const anchors = modelAnchors(config, sizeHw);
      const reading = trainingLossesReading(model, trunk, anchors, gt, createRandom(3).choose, context);
      const { terms, total } = yield* exchanging(reading, exchange);
      losses.push(...(yield* read(tf.stack(Object.values(terms)))));
      return total;
    },
    trainable.map(({ variable }) => variable),
  );
  const gradients = new Map<string, Float32Array>();
  for (const { name, variable } of trainable) gradients.set(name, await grads[variable.name]!.data<'float32'>());
  return { losses, gradients };
}

describe.skipIf(!hasTensorflow)(`the first training step on wasm and on tensorflow${tensorflowSkipReason}`, () => {
  let tensorflow: Step;
  let wasm: Step;
  beforeAll(async () => {
    tensorflow = await firstStep('tensorflow');
    wasm = await firstStep('wasm');
    console.log(`a step takes wasm ${(wasm.seconds / tensorflow.seconds).toFixed(1)} times as long`);
  }, 120_000);

  it('samples the same rows and has the same losses to 1e-4', () => {
    expect(wasm.positives).toEqual(tensorflow.positives);
    expect(wasm.positives.every((count) => count > 0)).toBe(true);
    for (const [name, value] of Object.entries(tensorflow.loss))
      expect(Math.abs(wasm.loss[name]! / value - 1), name).toBeLessThan(1e-4);
  });

  it('has the same losses and the same gradient of every weight to 1e-4 with the same proposals and assignments', async () => {
    const stored: Float32Array[] = [];
    const expected = await lossesAndGradients('tensorflow', (values) => {
      stored.push(values);
      return values;
    });
    const found = await lossesAndGradients('wasm', () => stored.shift()!);
    expect(stored).toEqual([]);
    expected.losses.forEach((loss, i) => expect(Math.abs(found.losses[i]! / loss - 1)).toBeLessThan(1e-4));
    const length = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
    for (const [name, gradient] of expected.gradients) {
      const other = found.gradients.get(name)!;
      const difference = length(Float32Array.from(gradient, (value, i) => value - other[i]!));
      expect(difference / length(gradient), name).toBeLessThan(1e-4);
    }
  }, 60_000);
});
