import { join } from 'node:path';
import { type TrainConfig, trainConfigSchema } from '@plumbline/contract';
import { loadConfig } from '@plumbline/core/config';
import { loadEngine } from '@plumbline/train/engines';
import {
  createDetectorModel,
  describeModel,
  type ForwardContext,
  modelAnchors,
  runTrunk,
  trainingLosses,
} from '@plumbline/train/model';
import { learningRateAt, Sgd } from '@plumbline/train/train';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { listFiles } from '../list-files.js';

const root = join(import.meta.dirname, '../..');
const recipes = listFiles('models/recipes');
const load = (file: string) => loadConfig(join(root, file), trainConfigSchema);
const named = (name: string) => load(`models/recipes/${name}.yaml`);

const shape = (name: string, classes: number) => {
  const { model } = named(name);
  return describeModel(model, { classes, sizeHw: [800, 1280], proposals: 1000 }).parameters.total;
};

describe('the recipes of the paper', () => {
  it('all fit the schema', () => {
    expect(recipes.length).toBeGreaterThan(40);
    for (const file of recipes) expect(load(file).model.backbone.frozenStages, file).toBe(1);
  });

  // Totals of the specification's ledger, section 1 (C = 80).
  it.each([
    ['coco-1x-faster-r50', 41_753_056],
    ['coco-1x-decoupled-n1-r50', 55_648_736],
    ['coco-1x-cascade-equalised-r50', 69_394_766],
    ['coco-1x-decoupled-n3-r50', 83_448_296],
  ])('%s has the parameters of the ledger', (name, total) => {
    expect(shape(name, 80)).toBe(total);
  });

  it.each([
    { set: 'coco-1x', peak: 0.01, epochs: 12, drops: [8, 11] },
    { set: 'coco-2x', peak: 0.01, epochs: 24, drops: [16, 22] },
    { set: 'voc', peak: 0.005, epochs: 12, drops: [9] },
  ])('the schedule of $set drops to a tenth after the published epochs', ({ set, peak, epochs, drops }) => {
    const { schedule } = named(`${set}-decoupled-n3-r101`);
    const stepsPerEpoch = 1000;
    const at = (step: number) => learningRateAt(step, epochs * stepsPerEpoch, schedule);
    expect(schedule.epochs).toBe(epochs);
    expect(at(stepsPerEpoch)).toBe(peak);
    drops.forEach((epoch, i) => {
      expect(at(epoch * stepsPerEpoch - 1)).toBeCloseTo(peak * 0.1 ** i, 12);
      expect(at(epoch * stepsPerEpoch)).toBeCloseTo(peak * 0.1 ** (i + 1), 12);
    });
    expect(at(0)).toBeCloseTo(set === 'voc' ? peak : peak * 0.001, 12);
  });

  it('each take one training step, made small', async () => {
    await loadEngine('wasm');
    // Recipes with the same heads, losses and proposals take the same small step: one of each is enough.
    const small = new Map<string, TrainConfig>();
    for (const file of recipes) {
      const { model, loss, proposals } = load(file);
      const { preset: _, ...backbone } = model.backbone;
      const settings = {
        imageSizeHw: [64, 64],
        model: {
          ...model,
          backbone: { ...backbone, block: 'basic', blocks: [1, 1, 1, 1], width: 4, groups: 1, baseWidth: 64 },
          fpn: { channels: 8 },
          head: { ...model.head, fcChannels: 16 },
        },
        loss,
        proposals: { ...proposals, trainPreNms: 50, trainPostNms: 30 },
        sampling: { rpnPerImage: 16, roisPerImage: 16 },
      };
      small.set(JSON.stringify(settings), trainConfigSchema.parse(settings));
    }
    const gt = [{ boxesXyxy: Float32Array.of(8, 8, 40, 36), labels: Int32Array.of(0) }];
    const takeFirst = (candidates: Int32Array, k: number) => candidates.slice(0, k);
    for (const config of small.values()) {
      const model = createDetectorModel(config, ['a', 'b']);
      const context: ForwardContext = { training: true, batchStatistics: [] };
      const variables = model.parameters.filter((p) => p.trainable).map((p) => p.variable);
      const image = tf.ones([1, 64, 64, 3]) as tf.Tensor4D;
      const { value, grads } = tf.variableGrads(
        () =>
          trainingLosses(model, runTrunk(model, image, context), modelAnchors(config), gt, takeFirst, context).total,
        variables,
      );
      expect(value.dataSync()[0]!).toBeGreaterThan(0);
      expect(await new Sgd(model.parameters, config.schedule).apply(grads, 0.01)).toBeGreaterThan(0);
      tf.dispose([value, grads, image, ...model.parameters.map((p) => p.variable)]);
    }
    expect(small.size).toBeGreaterThan(15);
  }, 60_000);

  it('differ where the tables differ', () => {
    expect(named('voc-decoupled-n1-treg95-r101').proposals.nmsRegression).toBe(0.95);
    expect(named('voc-decoupled-n3-lambda25-r101').loss.lambda).toBe(0.25);
    expect(named('coco-1x-double-head-n3-r101').model.head.branch).toBe('conv');
    expect(named('coco-1x-decoupled-n3-cls3-r101').model.classifiers).toBe('perStage');
    const multiScale = named('coco-2x-ms-decoupled-n3-r101');
    expect(multiScale.augment.resize).toEqual({ shortSides: [640, 672, 704, 736, 768, 800], longSide: 1333 });
    expect(multiScale.test).toMatchObject({ scoreThreshold: 0.001, softNms: { minScore: 0.001 } });
  });
});
