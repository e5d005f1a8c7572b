import { type TrainConfig, trainConfigSchema } from '@plumbline/contract';
import { type EngineName, loadEngine, read, variableGradients } from '@plumbline/train/engines';
import {
  createDetectorModel,
  type DetectorModel,
  detectOnInput,
  type ForwardContext,
  type GroundTruth,
  importWeights,
  inferenceContext,
  type LossTerms,
  modelAnchors,
  runTestHeads,
  runTrunk,
  type SampledRows,
  storedValues,
  trainingLossesReading,
} from '@plumbline/train/model';
import { Sgd } from '@plumbline/train/train';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { goldenFolder, maxError, takeFirst } from '../fixtures/golden.js';
import { trainingEngines, webgpuDevice, webgpuMissing } from '../fixtures/training-engines.js';

// Numbers of an independent PyTorch implementation (float32, seed 11); tolerances are those of the folder's README.
const { folder: golden, load, json } = goldenFolder('decoupled-rcnn');

type Json = Record<string, unknown>;
interface Overrides {
  readonly model?: Json;
  readonly proposals?: Json;
  readonly loss?: Json;
  readonly test?: Json;
}

function goldenConfig(overrides: Overrides): TrainConfig {
  const { main } = json('config.json');
  const { head = {}, ...model } = (overrides.model ?? {}) as { head?: Json } & Json;
  return trainConfigSchema.parse({
    imageSizeHw: [128, 160],
    model: {
      backbone: { preset: 'resnet18', width: main.width, norm: 'frozenBatch', frozenStages: main.frozen_stages },
      fpn: { channels: main.fpn },
      head: { fcChannels: main.fc, samplingRatio: main.sampling_ratio, ...head },
      regressors: 3,
      ...model,
    },
    proposals: {
      trainPreNms: main.pre_train,
      trainPostNms: main.post_train,
      testPreNms: main.pre_test,
      testPostNms: main.post_test,
      ...overrides.proposals,
    },
    sampling: { rpnPerImage: main.rpn_num, roisPerImage: main.N },
    loss: overrides.loss ?? {},
    test: { scoreThreshold: main.score_thr, nmsIou: main.nms, maxDetections: main.max_det, ...overrides.test },
  });
}


function createModel(heads: string, overrides: Overrides): DetectorModel {
  const model = createDetectorModel(goldenConfig(overrides), ['a', 'b', 'c', 'd', 'e', 'f']);
  const prefixes = new Set(model.parameters.map((parameter) => parameter.name));
  // Models with fewer regressors than the file holds take their own part of it.
  const tensors = [...load('trunk.safetensors'), ...load(heads)].filter(([name]) => prefixes.has(name));
  importWeights(model.parameters, new Map(tensors), heads);
  return model;
}

/** [2, H, W, 3] and the ground truth of both images. */
function goldenBatch(isSecondEmpty = false): { images: tf.Tensor4D; gt: GroundTruth[] } {
  const inputs = load('inputs.safetensors');
  const { shape, data } = inputs.get('images')!;
  const [b, c, h, w] = shape as [number, number, number, number];
  const images = tf.tidy(() => tf.transpose(tf.tensor4d(data as Float32Array, [b, c, h, w]), [0, 2, 3, 1]));
  const gt = [0, 1].map((image) =>
    isSecondEmpty && image === 1
      ? { boxesXyxy: new Float32Array(0), labels: new Int32Array(0) }
      : {
          boxesXyxy: inputs.get(`gt_boxes_${image}`)!.data as Float32Array,
          labels: inputs.get(`gt_labels_${image}`)!.data as Int32Array,
        },
  );
  return { images, gt };
}

interface StepResult {
  readonly total: number;
  readonly terms: Record<string, number>;
  readonly gradients: tf.NamedTensorMap;
}

async function lossAndGradients(
  model: DetectorModel,
  options: { isSecondEmpty?: boolean; keepPadding?: boolean; inspect?: (losses: LossTerms) => void } = {},
): Promise<StepResult> {
  const { images, gt } = goldenBatch(options.isSecondEmpty);
  const context: ForwardContext = { training: true, batchStatistics: [] };
  const terms: Record<string, number> = {};
  const variables = model.parameters.filter((p) => p.trainable).map((p) => p.variable);
  const { keepPadding } = options;
  const { value, grads } = await variableGradients(function* () {
    const trunk = runTrunk(model, images, context);
    const choice = keepPadding === undefined ? {} : { keepPadding };
    const anchors = modelAnchors(model.config);
    const losses = yield* trainingLossesReading(model, trunk, anchors, gt, takeFirst, context, choice);
    for (const [name, term] of Object.entries(losses.terms)) terms[name] = (yield* read(term))[0]!;
    options.inspect?.(losses);
    return losses.total;
  }, variables);
  const total = (await value.data())[0]!;
  for (const { mean, variance } of context.batchStatistics) tf.dispose([mean, variance]);
  tf.dispose([images, value]);
  return { total, terms, gradients: grads };
}

/** Our names of the reference's terms: `cls1` is `cls`, `reg2` is `reg.2`. */
function termName(name: string): string {
  const renamed = { rpn_cls: 'rpn.objectness', rpn_box: 'rpn.box', cls1: 'cls' }[name];
  return renamed ?? name.replace(/(\d)$/, '.$1');
}

interface Reference {
  readonly terms: Record<string, number>;
  readonly total: number;
  readonly grads: Record<string, { sum: number; l2: number; max_abs: number }>;
}

function expectLosses(step: StepResult, reference: Reference) {
  expect(Object.keys(step.terms).sort()).toEqual(Object.keys(reference.terms).map(termName).sort());
  for (const [name, value] of Object.entries(reference.terms)) {
    expect(Math.abs(step.terms[termName(name)]! / value - 1), name).toBeLessThan(1e-4);
  }
  expect(Math.abs(step.total / reference.total - 1), 'total').toBeLessThan(1e-4);
}

/** @param tolerance share of each tensor's largest gradient */
async function expectGradients(
  model: DetectorModel,
  step: StepResult,
  reference: Reference,
  stored: ReadonlyMap<string, { data: ArrayLike<number> }>,
  tolerance: number,
) {
  const names = model.parameters.filter((p) => p.trainable).map((p) => p.name);
  expect(names.sort()).toEqual(Object.keys(reference.grads).sort());
  const trained = model.parameters.filter((parameter) => step.gradients[parameter.variable.name]);
  const found = await storedValues(trained.map((p) => [p, step.gradients[p.variable.name]!] as const));
  for (const parameter of model.parameters) {
    const expected = reference.grads[parameter.name];
    if (!expected) continue;
    const ours = found.get(parameter.name)!.data;
    const limit = tolerance * expected.max_abs;
    const full = stored.get(parameter.name);
    if (full) expect(maxError(ours, full.data as ArrayLike<number>).error, parameter.name).toBeLessThanOrEqual(limit);
    let sum = 0;
    let squares = 0;
    let max = 0;
    for (const value of ours) {
      sum += value;
      squares += value * value;
      max = Math.max(max, Math.abs(value));
    }
    const norm = Math.sqrt(squares);
    expect(Math.abs(max - expected.max_abs), `${parameter.name} max`).toBeLessThanOrEqual(limit);
    expect(Math.abs(norm - expected.l2), `${parameter.name} l2`).toBeLessThanOrEqual(tolerance * expected.l2);
    expect(Math.abs(sum - expected.sum), `${parameter.name} sum`).toBeLessThanOrEqual(
      tolerance * expected.l2 * Math.sqrt(ours.length),
    );
  }
}

const mainHeads = 'main/heads.safetensors';
const variants = [
  { name: 'shared', loss: 'eq8-n1', model: { regressors: 1, head: { shared: true } }, proposals: { nmsRegression: 0.7 } },
  { name: 'fpn', loss: 'fpn', model: { kind: 'faster', regressors: 1, head: { shared: true } } },
  { name: 'cascade', loss: 'cascade', model: { kind: 'cascade', head: { shared: true } } },
  { name: 'double-head', loss: 'eq8-n1', model: { regressors: 1, head: { branch: 'conv' } }, tolerance: 2e-2 },
];

const profiles = [
  { profile: 'eq8-n3', regressors: 3 },
  { profile: 'eq8-n2', regressors: 2 },
  { profile: 'eq8-n1', regressors: 1 },
  { profile: 'released-n3', regressors: 3, loss: { profile: 'released' } },
  { profile: 'released-coco-n1', regressors: 1, loss: { profile: 'released' } },
  { profile: 'released-voc-n1', regressors: 1, loss: { profile: 'released-voc-n1' } },
  { profile: 'eq8-n3-second-image-empty', regressors: 3, isSecondEmpty: true },
];

const detections = [
  { folder: 'main', tag: 'n3', overrides: {} },
  { folder: 'main', tag: 'n1', overrides: { test: { regressor: 1 } } },
  { folder: 'main', tag: 'n3-sampling2', overrides: { model: { head: { samplingRatio: 2 } } } },
  { folder: 'main', tag: 'n3-thr0.001', overrides: { test: { scoreThreshold: 0.001 } } },
  ...variants.map(({ name, model }) => ({
    folder: `variants/${name}`,
    tag: name === 'cascade' ? 'n3' : 'n1',
    overrides: { model },
  })),
  {
    folder: 'variants/cascade',
    tag: 'n3-mean-logits',
    overrides: { model: variants[2]!.model, test: { average: 'logits' } },
  },
];

function useModels(engine: EngineName) {
  beforeAll(async () => {
    await loadEngine(engine);
  });
  let created: DetectorModel[] = [];
  afterEach(() => {
    for (const model of created) for (const parameter of model.parameters) parameter.variable.dispose();
    created = [];
  });
  return (heads: string, overrides: Overrides): DetectorModel => {
    const model = createModel(heads, overrides);
    created.push(model);
    return model;
  };
}

const allEngines: EngineName[] = [...trainingEngines, ...(webgpuDevice ? (['webgpu'] as const) : [])];
if (!webgpuDevice) console.log(webgpuMissing);

/** A software device takes 15 to 40 s for a step: it gets a cascade of both kinds, all cases in the long tests. */
const isSlow = (engine: EngineName) =>
  engine === 'webgpu' && webgpuDevice!.isSoftware && process.env.PLUMBLINE_LONG === undefined;

describe.each(allEngines)('a training step of the golden tiny detector on %s', (engine) => {
  const build = useModels(engine);
  const some = <Case>(cases: readonly Case[], slow: readonly number[]) =>
    isSlow(engine) ? slow.map((i) => cases[i]!) : cases;
  const timeoutMs = engine === 'webgpu' ? 400_000 : 30_000;

  it.each(some(profiles, [0]))('has the losses and gradients of $profile', async ({ profile, regressors, loss, isSecondEmpty }) => {
    const model = build(mainHeads, { model: { regressors }, ...(loss ? { loss } : {}) });
    const step = await lossAndGradients(model, isSecondEmpty ? { isSecondEmpty } : {});
    const reference = json('main/losses.json')[profile];
    expectLosses(step, reference);
    await expectGradients(model, step, reference, profile === 'eq8-n3' ? load('main/grads.safetensors') : new Map(), 1e-3);
    tf.dispose(step.gradients);
  }, timeoutMs);

  it.each(some(variants, [2]))('has the losses and gradients of the variant $name', async (variant) => {
    const { name, loss, tolerance = 1e-3, ...overrides } = variant;
    const folder = `variants/${name}`;
    const model = build(`${folder}/heads.safetensors`, overrides);
    const step = await lossAndGradients(model);
    const reference = json(`${folder}/losses.json`)[loss];
    expectLosses(step, reference);
    await expectGradients(model, step, reference, load(`${folder}/grads.safetensors`), tolerance);
    tf.dispose(step.gradients);
  }, timeoutMs);

  const folders = [
    { folder: 'main', overrides: {} },
    ...variants.map(({ name, loss: _, ...overrides }) => ({ folder: `variants/${name}`, overrides })),
  ];

  it.each(some(folders, []))('takes the two optimiser steps of $folder', async ({ folder, overrides }) => {
    const model = build(`${folder}/heads.safetensors`, overrides as Overrides);
    const { lr, momentum, weight_decay: weightDecay, steps } = json(`${folder}/losses.json`).sgd;
    const schedule = { ...model.config.schedule, momentum, weightDecay, clipGradientNorm: null };
    const optimizer = new Sgd(model.parameters, schedule);
    // Batch norm over few rows: README allows double-head gradients 20 times the error of the others.
    const tolerance = folder.endsWith('double-head') ? 1e-3 : 1e-4;
    for (const expected of steps) {
      const step = await lossAndGradients(model);
      expect(Math.abs(step.total / expected.loss_before_step - 1)).toBeLessThan(tolerance);
      await optimizer.apply(step.gradients, lr);
      tf.dispose(step.gradients);
      for (const parameter of model.parameters) {
        const wanted = expected.params[parameter.name];
        if (!parameter.trainable) continue;
        expect(wanted, parameter.name).toBeDefined();
        const measured = tf.tidy(() => {
          const value = parameter.variable;
          return tf.stack([tf.sum(value), tf.norm(value), tf.max(tf.abs(value))]);
        });
        const [sum, l2, max] = (await measured.data()) as unknown as [number, number, number];
        measured.dispose();
        expect(Math.abs(l2 - wanted.l2), `${parameter.name} l2`).toBeLessThanOrEqual(tolerance * wanted.l2);
        expect(Math.abs(max - wanted.max_abs), `${parameter.name} max`).toBeLessThanOrEqual(tolerance * wanted.max_abs);
        expect(Math.abs(sum - wanted.sum), `${parameter.name} sum`).toBeLessThanOrEqual(
          tolerance * wanted.l2 * Math.sqrt(parameter.variable.size),
        );
      }
    }
    for (const velocity of optimizer.velocity.values()) velocity.dispose();
  }, timeoutMs);
});

describe.each(trainingEngines)('the golden tiny detector in training on %s', (engine) => {
  const build = useModels(engine);

  const stageTensors = (stored: ReadonlyMap<string, { data: unknown }>, name: string) =>
    [0, 1].flatMap((b) => [...(stored.get(`${name}${b}`)!.data as Float32Array | Int32Array)]);

  function expectStages(losses: LossTerms, stored: ReadonlyMap<string, { data: unknown }>) {
    const expectRows = (name: string, rows: SampledRows) => {
      expect([...rows.index], `${name}.index`).toEqual(stageTensors(stored, `${name}.index`));
      expect([...rows.labels], `${name}.labels`).toEqual(stageTensors(stored, `${name}.labels`));
      expect([...rows.gtIndex], `${name}.gt`).toEqual(stageTensors(stored, `${name}.gt`));
      expect(maxError(rows.boxesXyxy, stageTensors(stored, `${name}.rois`)).error, `${name}.rois`).toBeLessThan(1e-2);
    };
    const expectOutput = (name: string, output: tf.Tensor) => {
      const { error, scale } = maxError(output.dataSync(), stored.get(name)!.data as Float32Array);
      expect(error, name).toBeLessThan(1e-4 * scale);
    };
    losses.outcomes.forEach(({ classification, regression }, k) => {
      if (classification && stored.has('z1')) {
        expectRows(stored.has('Sc.index0') ? 'Sc' : `S${k + 1}`, classification.rows);
        expectOutput(`z${k + 1}`, classification.logits);
      }
      expectRows(`S${k + 1}`, regression.rows);
      expectOutput(`d${k + 1}`, regression.deltas!);
      if (k > 0 && stored.has(`Q${k + 1}.boxes0`)) {
        const refined = losses.outcomes[k - 1]!.refinedXyxy!;
        expect(maxError(refined, stageTensors(stored, `Q${k + 1}.boxes`)).error, `Q${k + 1}`).toBeLessThan(1e-2);
      }
    });
  }

  it('samples the rows of the reference in every stage, refines the same boxes and answers the same', async () => {
    const model = build(mainHeads, {});
    const stored = load('main/train.safetensors');
    const step = await lossAndGradients(model, { keepPadding: true, inspect: (losses) => expectStages(losses, stored) });
    tf.dispose(step.gradients);
    expect.hasAssertions();
  });

  it('samples the rows of the reference in the stages of Cascade R-CNN', async () => {
    const model = build('variants/cascade/heads.safetensors', { model: variants[2]!.model });
    const stored = load('variants/cascade/train.safetensors');
    const step = await lossAndGradients(model, { keepPadding: true, inspect: (losses) => expectStages(losses, stored) });
    tf.dispose(step.gradients);
    expect.hasAssertions();
  });

  it('assigns boxes anew that a perturbed first regressor moved away', async () => {
    const model = build(mainHeads, {});
    for (const { name, variable } of model.parameters) {
      if (name.startsWith('roi_head.stage1.fc_reg')) tf.tidy(() => variable.assign(tf.mul(variable, 2.5)));
    }
    const reference = json('main/perturbed.json');
    const stored = load('main/perturbed.safetensors');
    let positives: number[] = [];
    const inspect = (losses: LossTerms) => {
      positives = losses.stages.map((stage) => stage.positives);
      expectStages(losses, stored);
    };
    const step = await lossAndGradients(model, { keepPadding: true, inspect });
    const sums = ['S1', 'S2', 'S3'].map((name) => reference.npos[name][0] + reference.npos[name][1]);
    expect(positives).toEqual(sums);
    for (const [name, value] of Object.entries(reference.terms as Record<string, number>))
      expect(Math.abs(step.terms[termName(name)]! / value - 1), name).toBeLessThan(1e-4);
    tf.dispose(step.gradients);
  });

  it('has the same losses and gradients whether or not padded negatives pass the regressors', async () => {
    const model = build(mainHeads, {});
    const padded = await lossAndGradients(model, { keepPadding: true });
    const positivesOnly = await lossAndGradients(model, { keepPadding: false });
    for (const [name, value] of Object.entries(padded.terms))
      expect(Math.abs(positivesOnly.terms[name]! - value), name).toBeLessThanOrEqual(1e-6 * value);
    for (const [name, gradient] of Object.entries(padded.gradients)) {
      const { error, scale } = maxError(positivesOnly.gradients[name]!.dataSync(), gradient.dataSync());
      expect(error, name).toBeLessThanOrEqual(1e-5 * scale);
    }
    tf.dispose([padded.gradients, positivesOnly.gradients]);
  });

  it.each([1, 2, 3].flatMap((regressor) => [1, 2, 3].map((classifier) => ({ regressor, classifier }))))(
    'reports the boxes of regressor $regressor with the scores of classifier $classifier of Cascade R-CNN',
    ({ regressor, classifier }) => {
      const overrides = { model: variants[2]!.model, test: { regressor, classifier } };
      const model = build('variants/cascade/heads.safetensors', overrides);
      const stored = load('variants/cascade/eval.safetensors');
      const tensor = (name: string) => stored.get(`n3.img0.${name}`)!;
      const { images } = goldenBatch();
      tf.tidy(() => {
        const { pyramid } = runTrunk(model, images, inferenceContext);
        const proposals = tensor('proposals').data as Float32Array;
        const output = runTestHeads(model, pyramid, 0, proposals, model.config.imageSizeHw);
        const boxes = tensor(`stage${regressor}.boxes`).data as Float32Array;
        expect(maxError(output.boxes, boxes).error).toBeLessThan(1e-2);
        const { data, shape } = tensor(`stage${classifier}.logits`);
        const scores = tf.softmax(tf.tensor2d(data as Float32Array, shape as [number, number])).dataSync();
        expect(maxError(output.probabilities, scores).error).toBeLessThan(1e-4);
      });
      images.dispose();
    },
  );

  it('brings the boxes of each stage of the trained detector closer to their ground truth', async () => {
    let ious: number[] = [];
    const model = build(mainHeads, {});
    const inspect = (losses: LossTerms) => {
      ious = losses.stages.map((stage) => stage.meanIou);
    };
    tf.dispose((await lossAndGradients(model, { inspect })).gradients);
    expect(ious[1]!).toBeGreaterThan(ious[0]!);
    expect(ious[2]!).toBeGreaterThan(ious[1]!);
  });

  it.each(detections)('finds the detections of $folder, $tag', ({ folder, tag, overrides }) => {
    const model = build(`${folder}/heads.safetensors`, overrides as Overrides);
    const expected = json(`${folder}/detections.json`)[tag];
    const { images } = goldenBatch();
    for (const b of [0, 1]) {
      const input = tf.slice(images, [b, 0, 0, 0], [1, -1, -1, -1]) as tf.Tensor4D;
      const found = detectOnInput(model, input, model.config.imageSizeHw, model.config.test.scoreThreshold);
      expect(found.map((d) => d.classId)).toEqual(expected[b].labels);
      found.forEach((d, i) => {
        expect(Math.abs(d.score - expected[b].scores[i])).toBeLessThan(1e-4);
        expect(maxError(d.boxXyxy, expected[b].boxes[i]).error).toBeLessThan(1e-2);
      });
      input.dispose();
    }
    images.dispose();
  });
});
