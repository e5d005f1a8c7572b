import { trainConfigSchema } from '@plumbline/contract';
import { matchPriors } from '@plumbline/core/geometry';
import { loadEngine } from '@plumbline/train/engines';
import {
  createDetectorModel,
  detectOnInput,
  importWeights,
  inferenceContext,
  modelAnchors,
  runTrunk,
  selectCandidates,
  suppressCandidates,
  trainingLosses,
} from '@plumbline/train/model';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { goldenFolder, takeFirst } from '../fixtures/golden.js';
import { trainingEngines } from '../fixtures/training-engines.js';

// Section 10 of the Decoupled R-CNN specification on the golden tiny detector: no stored number, only what must hold.
const { folder: golden, load } = goldenFolder('decoupled-rcnn');
const inputs = load('inputs.safetensors');
const truth = [0, 1].map((b) => ({
  boxesXyxy: inputs.get(`gt_boxes_${b}`)!.data as Float32Array,
  labels: inputs.get(`gt_labels_${b}`)!.data as Int32Array,
}));
const noTruth = { boxesXyxy: new Float32Array(), labels: new Int32Array() };

/** The golden detector with n regressors and the weights of the first n stages. */
function tinyDetector(regressors: number) {
  const config = trainConfigSchema.parse({
    imageSizeHw: [128, 160],
    model: { backbone: { width: 16 }, fpn: { channels: 32 }, head: { fcChannels: 64 }, regressors },
    proposals: { trainPreNms: 600, trainPostNms: 300, testPreNms: 300, testPostNms: 200 },
    sampling: { rpnPerImage: 128, roisPerImage: 128 },
    // No box suppresses another.
    test: { nmsIou: 1, maxDetections: 100_000 },
  });
  const model = createDetectorModel(config, ['a', 'b', 'c', 'd', 'e', 'f']);
  const stored = [...load('trunk.safetensors'), ...load('main/heads.safetensors')];
  const ofStages = stored.filter(([name]) => Number(/^roi_head\.stage(\d)/.exec(name)?.[1] ?? 1) <= regressors);
  importWeights(model.parameters, new Map(ofStages), golden);
  return model;
}

describe.each(trainingEngines)('what section 10 says must hold on %s', (engine) => {
  let images: tf.Tensor4D;

  beforeAll(async () => {
    await loadEngine(engine);
    const { data, shape } = inputs.get('images')!;
    const nchw = tf.tensor4d(data as Float32Array, shape as [number, number, number, number]);
    images = tf.transpose(nchw, [0, 2, 3, 1]);
  });

  const terms = (model: ReturnType<typeof tinyDetector>, gt = truth) =>
    tf.tidy(() => {
      const trunk = runTrunk(model, images, inferenceContext);
      const losses = trainingLosses(model, trunk, modelAnchors(model.config), gt, takeFirst).terms;
      return Object.fromEntries(Object.entries(losses).map(([name, term]) => [name, term.dataSync()[0]!]));
    });

  it('section 10 item 3: images without ground truth cost no regression and give finite gradients', () => {
    const model = tinyDetector(3);
    const found = terms(model, [noTruth, noTruth]);
    expect([found['reg.1'], found['reg.2'], found['reg.3'], found['rpn.box']]).toEqual([0, 0, 0, 0]);
    expect(found.cls).toBeGreaterThan(0);
    tf.tidy(() => {
      const variables = model.parameters.filter((p) => p.trainable).map((p) => p.variable);
      const { grads } = tf.variableGrads(() => {
        const trunk = runTrunk(model, images, inferenceContext);
        return trainingLosses(model, trunk, modelAnchors(model.config), [noTruth, noTruth], takeFirst).total;
      }, variables);
      const reached = Object.values(grads).filter((gradient) => gradient !== null);
      expect(reached.length).toBeGreaterThan(50);
      for (const gradient of reached) expect(gradient.dataSync().every(Number.isFinite)).toBe(true);
    });
  });

  it('section 10 item 5: more regressors leave classification loss and test scores bit for bit as they are', () => {
    const [one, three] = [tinyDetector(1), tinyDetector(3)];
    const [lossOfOne, lossOfThree] = [terms(one), terms(three)];
    expect(lossOfOne.cls).toBe(lossOfThree.cls);
    expect(lossOfOne['reg.1']).toBe(lossOfThree['reg.1']);
    const first = tf.slice(images, [0, 0, 0, 0], [1, -1, -1, -1]) as tf.Tensor4D;
    const scores = (model: typeof one) =>
      new Map(
        detectOnInput(model, first, [128, 160], 0).map((d) => [`proposal ${d.proposal}, class ${d.classId}`, d.score]),
      );
    const [ofOne, ofThree] = [scores(one), scores(three)];
    // Equal boxes, whose IoU of 1 may round upwards, are all that is missing from 200 proposals x 6 classes.
    const common = [...ofOne].filter(([name]) => ofThree.has(name));
    expect(common.length).toBeGreaterThan(1150);
    for (const [name, score] of common) expect(ofThree.get(name), name).toBe(score);
  });

  it('section 10 item 6: at T_reg = T_cls both samples come from one set, a larger T_reg leaves more boxes', () => {
    const model = tinyDetector(1);
    const anchors = modelAnchors(model.config);
    const trunk = tf.tidy(() => {
      const { logits, deltas } = runTrunk(model, images, inferenceContext);
      return { logits: logits.dataSync() as Float32Array, deltas: deltas.dataSync() as Float32Array };
    });
    const count = trunk.logits.length / 2;
    const candidates = [0, 1].map((b) => {
      const logits = trunk.logits.subarray(b * count, (b + 1) * count);
      const deltas = trunk.deltas.subarray(4 * b * count, 4 * (b + 1) * count);
      return selectCandidates(logits, deltas, anchors, 600, [128, 160]);
    });
    for (const ofImage of candidates) {
      const thresholds = [0.7, 0.75, 0.8, 0.85, 0.9, 0.95];
      const survivors = thresholds.map((threshold) => suppressCandidates(ofImage, threshold, 5000).scores.length);
      for (let i = 1; i < survivors.length; i++) expect(survivors[i]).toBeGreaterThan(survivors[i - 1]!);
    }
    /** Positives of the set that a threshold leaves, and how many rows the losses of that T_reg regressed. */
    const positives = (threshold: number) => {
      const inSet = candidates.map((ofImage, b) => {
        const { boxesXyxy } = suppressCandidates(ofImage, threshold, 300);
        const { gtIndex } = matchPriors(boxesXyxy, truth[b]!.boxesXyxy, { positiveIou: 0.5, negativeIou: 0.5 });
        return Math.min(128, gtIndex.filter((g) => g >= 0).length);
      });
      const config = { ...model.config, proposals: { ...model.config.proposals, nmsRegression: threshold } };
      const regressed = tf.tidy(() => {
        const outputs = runTrunk(model, images, inferenceContext);
        return trainingLosses({ ...model, config }, outputs, anchors, truth, takeFirst).stages[0]!.positives;
      });
      return { inSet: inSet[0]! + inSet[1]!, regressed };
    };
    expect(model.config.proposals.nmsClassification).toBe(0.7);
    const [equal, larger] = [positives(0.7), positives(0.85)];
    expect(equal.regressed).toBe(equal.inSet);
    expect(larger.regressed).toBe(larger.inSet);
    expect(larger.regressed).toBeGreaterThan(equal.regressed);
  });
});
