import { type TrainConfig, trainConfigSchema } from '@plumbline/contract';
import { encodeBoxes, stageStds } from '@plumbline/core/geometry';
import { createRandom } from '@plumbline/core/random';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEngine } from '../engines/index.js';
import { detectOnBatch, detectOnInput } from './detect.js';
import { createDetectorModel, type DetectorModel, modelAnchors, runTrunk } from './detector-model.js';
import { type HeadInputs, headLosses } from './head-losses.js';
import { type ForwardContext, inferenceContext } from './layers.js';
import type { GroundTruth } from './region-sampling.js';
import { trainingLosses } from './training-losses.js';

// Invariants of the decoupled-rcnn specification, section 10, and images that training must survive.
const sizeHw = [64, 96] as const;
const takeFirst = (candidates: Int32Array, k: number) => candidates.slice(0, k);

function tinyConfig(model: object = {}, rest: object = {}): TrainConfig {
  const { head = {}, ...own } = model as { head?: object };
  return trainConfigSchema.parse({
    imageSizeHw: sizeHw,
    model: {
      backbone: { blocks: [1, 1, 1, 1], width: 4 },
      fpn: { channels: 8 },
      head: { fcChannels: 16, ...head },
      anchors: { scale: 4 },
      ...own,
    },
    proposals: { trainPreNms: 100, trainPostNms: 60, testPreNms: 50, testPostNms: 20 },
    sampling: { rpnPerImage: 32, roisPerImage: 32 },
    ...rest,
  });
}

const truth = (...boxes: number[][]): GroundTruth => ({
  boxesXyxy: Float32Array.from(boxes.flat()),
  labels: Int32Array.from(boxes, (_, i) => i % 2),
});

const images = (count: number) => {
  const random = createRandom(3);
  const shape: [number, number, number, number] = [count, sizeHw[0], sizeHw[1], 3];
  return tf.tensor4d(
    Float32Array.from({ length: count * sizeHw[0] * sizeHw[1] * 3 }, () => random.normal()),
    shape,
  );
};

/** Every loss and the norm of every gradient of one batch. */
function step(model: DetectorModel, gt: readonly GroundTruth[]) {
  const context: ForwardContext = { training: true, batchStatistics: [] };
  const input = images(gt.length);
  const terms: Record<string, number> = {};
  const variables = model.parameters.filter((parameter) => parameter.trainable).map((parameter) => parameter.variable);
  const { value, grads } = tf.variableGrads(() => {
    const trunk = runTrunk(model, input, context);
    const losses = trainingLosses(model, trunk, modelAnchors(model.config), gt, takeFirst, context);
    for (const [name, term] of Object.entries(losses.terms)) terms[name] = term.dataSync()[0]!;
    return losses.total;
  }, variables);
  const gradients = Object.values(grads).map((gradient) => tf.tidy(() => tf.norm(gradient).dataSync()[0]!));
  for (const { mean, variance } of context.batchStatistics) tf.dispose([mean, variance]);
  tf.dispose([input, value, grads]);
  return { terms, gradients };
}

const kinds = [
  { name: 'Decoupled R-CNN', model: {} },
  { name: 'Decoupled R-CNN with an agnostic first regressor', model: { head: { firstRegressor: 'classAgnostic' } } },
  { name: 'Decoupled R-CNN with a classifier per stage', model: { classifiers: 'perStage' } },
  { name: 'Decoupled R-CNN with convolutional regressors', model: { regressors: 2, head: { branch: 'conv' } } },
  { name: 'Decoupled R-CNN with enlarged regions', model: { head: { regressionRoiScale: 1.3, laterInit: 'torch' } } },
  { name: 'Cascade R-CNN', model: { kind: 'cascade', head: { shared: true } } },
  {
    name: 'Cascade R-CNN, unshared, with enlarged regions',
    model: { kind: 'cascade', head: { regressionRoiScale: 1.3 } },
  },
  { name: 'Double-Head', model: { kind: 'faster', regressors: 1, head: { branch: 'conv' } } },
];
const many = Array.from({ length: 500 }, (_, i) => {
  const [x, y] = [(i % 25) * 3.5, Math.floor(i / 25) * 3];
  return [x, y, x + 6, y + 5];
});
const scenes = [
  { scene: 'no ground truth', gt: [truth(), truth()] },
  { scene: 'ground truth smaller than a cell', gt: [truth([10, 10, 11, 11.5]), truth([40.2, 20, 40.7, 20.4])] },
  { scene: '500 boxes', gt: [truth(...many)] },
  {
    scene: 'images of several sizes',
    gt: [{ ...truth([4, 4, 30, 28]), clipHw: [32, 40] as const }, truth([50, 20, 90, 60], [4, 4, 20, 20])],
  },
];

describe('training losses', () => {
  beforeAll(async () => {
    await loadEngine('wasm');
  });

  describe.each(kinds)('of $name', ({ model: shape }) => {
    it.each(scenes)('are finite with $scene, gradients too', ({ gt }) => {
      const model = createDetectorModel(tinyConfig(shape), ['a', 'b']);
      const { terms, gradients } = step(model, gt);
      for (const [name, value] of Object.entries(terms)) expect(Number.isFinite(value), name).toBe(true);
      expect(gradients.every(Number.isFinite)).toBe(true);
      expect(terms.cls).toBeGreaterThan(0);
      if (gt.every(({ labels }) => labels.length === 0))
        for (const [name, value] of Object.entries(terms)) if (name.startsWith('reg')) expect(value, name).toBe(0);
      for (const { variable } of model.parameters) variable.dispose();
    });
  });

  /** Losses of the heads alone on proposals around one box. */
  function onProposals(config: TrainConfig, forRegression: Float32Array, gt: GroundTruth) {
    const model = createDetectorModel(config, ['a', 'b']);
    return tf.tidy(() => {
      const pyramid = [4, 8, 16, 32].map((stride) => tf.ones([1, sizeHw[0] / stride, sizeHw[1] / stride, 8]));
      const inputs: HeadInputs = {
        pyramid: pyramid as tf.Tensor4D[],
        forClassification: [forRegression],
        forRegression: [forRegression],
        gt: [gt],
        choose: takeFirst,
        context: inferenceContext,
        keepPadding: false,
      };
      const zeroed = model.roiHeads.regressors[0]!.deltas;
      zeroed.weight.variable.assign(tf.zerosLike(zeroed.weight.variable));
      zeroed.bias.variable.assign(tf.zerosLike(zeroed.bias.variable));
      return headLosses(model, inputs).terms['reg.1']!.dataSync()[0]!;
    });
  }

  it('are 4 P / N for P positives that are off by 1 in every coordinate', () => {
    const gt = truth([20, 20, 50, 44]);
    // The prior whose targets are 1, 1, 1, 1 in units of the standard deviations.
    const [w, h] = [30 / Math.exp(0.2), 24 / Math.exp(0.2)];
    const [cx, cy] = [35 - 0.1 * w, 32 - 0.1 * h];
    const prior = [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2];
    const priors = Float32Array.from([...prior, ...prior, ...prior]);
    const targets = encodeBoxes(
      priors,
      Float32Array.from([20, 20, 50, 44, 20, 20, 50, 44, 20, 20, 50, 44]),
      stageStds[0]!,
    );
    for (const target of targets) expect(target).toBeCloseTo(1, 4);
    expect(onProposals(tinyConfig({ regressors: 1 }), priors, gt)).toBeCloseTo((4 * 3) / 32, 5);
  });

  it('of the classifier do not depend on the number of regressors, nor do test scores', () => {
    const one = createDetectorModel(tinyConfig({ regressors: 1 }), ['a', 'b']);
    const three = createDetectorModel(tinyConfig({ regressors: 3 }), ['a', 'b']);
    const gt = [truth([4, 4, 30, 28])];
    expect(step(three, gt).terms.cls).toBe(step(one, gt).terms.cls);
    const input = images(1);
    const scores = (model: DetectorModel) => {
      const everything = {
        ...model,
        config: { ...model.config, test: { ...model.config.test, nmsIou: 1, maxDetections: 1000 } },
      };
      const found = detectOnInput(everything, input, sizeHw, 0);
      return found.map(({ score }) => score).sort((a, b) => b - a);
    };
    expect(scores(three)).toEqual(scores(one));
    expect(scores(one).length).toBeGreaterThan(10);
  });

  const equalSets = { trainPreNms: 100, trainPostNms: 60, nmsRegression: 0.7 };

  it('sample regression rows from the same proposals when both thresholds are equal', () => {
    const config = tinyConfig({ regressors: 1 });
    const rowsAt = (nmsRegression: number) => {
      const model = createDetectorModel({ ...config, proposals: { ...config.proposals, nmsRegression } }, ['a', 'b']);
      return tf.tidy(() => {
        const trunk = runTrunk(model, images(1), inferenceContext);
        const options = { keepPadding: true };
        const gt = [truth()];
        const anchors = modelAnchors(config);
        const [stage] = trainingLosses(model, trunk, anchors, gt, takeFirst, inferenceContext, options).outcomes;
        return { classified: stage!.classification!.rows.boxesXyxy, regressed: stage!.regression.rows.boxesXyxy };
      });
    };
    const equal = rowsAt(0.7);
    expect(equal.regressed).toEqual(equal.classified);
    const looser = rowsAt(0.95);
    expect(looser.regressed).not.toEqual(looser.classified);
  });

  it('sample the rows of a regressor like those of the classifier where the configuration says so', () => {
    const gt = [truth([4, 4, 30, 28], [50, 20, 90, 60])];
    const rowsWith = (sampling: object) => {
      const config = tinyConfig(
        { regressors: 1 },
        { sampling: { roisPerImage: 32, ...sampling }, proposals: equalSets },
      );
      const model = createDetectorModel(config, ['a', 'b']);
      return tf.tidy(() => {
        const trunk = runTrunk(model, images(1), inferenceContext);
        const anchors = modelAnchors(config);
        const options = { keepPadding: true };
        const losses = trainingLosses(model, trunk, anchors, gt, takeFirst, inferenceContext, options);
        const { classification, regression } = losses.outcomes[0]!;
        return { classified: classification!.rows.boxesXyxy, regressed: regression.rows.boxesXyxy };
      });
    };
    const { classified, regressed } = rowsWith({ regression: 'random' });
    expect(regressed).toEqual(classified);
    // The ground truth itself comes first among them, and never among positives only.
    expect(regressed.slice(0, 4)).toEqual(Float32Array.of(4, 4, 30, 28));
    expect(rowsWith({}).regressed.slice(0, 4)).not.toEqual(Float32Array.of(4, 4, 30, 28));
  });

  it('keep as many proposals for the regressor as the configuration says', () => {
    const counts = [null, 5].map((trainPostNmsRegression) => {
      const proposals = { ...equalSets, trainPostNmsRegression };
      const model = createDetectorModel(tinyConfig({ regressors: 1 }, { proposals }), ['a', 'b']);
      return tf.tidy(() => {
        const trunk = runTrunk(model, images(1), inferenceContext);
        const options = { keepPadding: true };
        const anchors = modelAnchors(model.config);
        const losses = trainingLosses(model, trunk, anchors, [truth()], takeFirst, inferenceContext, options);
        return losses.outcomes[0]!.regression.rows.labels.length;
      });
    });
    expect(counts).toEqual([32, 5]);
  });

  it('pool for a regressor what lies around a region when it is enlarged', () => {
    const gt = truth([20, 20, 50, 44]);
    const config = (regressionRoiScale: number) => tinyConfig({ regressors: 1, head: { regressionRoiScale } });
    const featuresAt = (scale: number) => {
      const model = createDetectorModel(config(scale), ['a', 'b']);
      return tf.tidy(() => {
        const ramp = (side: number) =>
          tf.tensor4d(
            Float32Array.from({ length: side ** 2 * 8 }, (_, i) => Math.floor(i / 8) % side),
            [1, side, side, 8],
          );
        const inputs: HeadInputs = {
          pyramid: [16, 8, 4, 2].map(ramp),
          forClassification: [gt.boxesXyxy],
          forRegression: [gt.boxesXyxy],
          gt: [gt],
          choose: takeFirst,
          context: inferenceContext,
          keepPadding: false,
        };
        const { classification, regression } = headLosses(model, inputs).stages[0]!;
        return [classification!.logits, regression.deltas!].map((output) => [...output.dataSync()]);
      });
    };
    const [plain, enlarged] = [featuresAt(1), featuresAt(1.3)];
    expect(enlarged[0]).toEqual(plain[0]);
    expect(enlarged[1]).not.toEqual(plain[1]);
  });
});

describe('detectOnBatch', () => {
  it('finds in a batch what it finds in each image, and the same twice', async () => {
    await loadEngine('wasm');
    const model = createDetectorModel(tinyConfig(), ['a', 'b']);
    const input = images(2);
    const clips = [sizeHw, [40, 60]] as const;
    const together = detectOnBatch(model, input, clips, 0.05);
    expect(together[0]!.length).toBeGreaterThan(0);
    expect(detectOnBatch(model, input, clips, 0.05)).toEqual(together);
    clips.forEach((clip, b) => {
      const single = detectOnInput(model, tf.slice(input, [b, 0, 0, 0], [1, -1, -1, -1]), clip, 0.05);
      expect(single.map((found) => found.classId)).toEqual(together[b]!.map((found) => found.classId));
      single.forEach(({ boxXyxy, score }, i) => {
        expect(score).toBeCloseTo(together[b]![i]!.score, 5);
        boxXyxy.forEach((value, k) => {
          expect(value).toBeCloseTo(together[b]![i]!.boxXyxy[k]!, 2);
        });
        expect(boxXyxy[2]).toBeLessThanOrEqual(clip[1]);
        expect(boxXyxy[3]).toBeLessThanOrEqual(clip[0]);
      });
    });
  });

  it('keeps overlapping boxes with lower scores under soft-NMS', async () => {
    await loadEngine('wasm');
    const hard = createDetectorModel(tinyConfig({}, { test: { nmsIou: 0.3 } }), ['a', 'b']);
    const soft = { ...hard, config: tinyConfig({}, { test: { nmsIou: 0.3, softNms: { minScore: 0.001 } } }) };
    const input = images(1);
    const byHard = detectOnInput(hard, input, sizeHw, 0.05);
    const bySoft = detectOnInput(soft, input, sizeHw, 0.05);
    expect(bySoft.length).toBeGreaterThan(byHard.length);
    const best = Math.max(...byHard.map(({ score }) => score));
    expect(bySoft[0]!.score).toBeCloseTo(best, 6);
    expect(bySoft.some(({ score }) => score < Math.min(...byHard.map((found) => found.score)))).toBe(true);
  });
});
