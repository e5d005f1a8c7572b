import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { concatFloat32, levelAnchors, matchPriors, pyramidSizesHw, pyramidStrides } from '@plumbline/core/geometry';
import { positiveSample, randomSample, type Sample } from '@plumbline/train/model';
import { describe, expect, it } from 'vitest';
import { goldenFolder, takeFirst } from '../fixtures/golden.js';

// The reference takes the first k where training draws at random, so every index must be equal.
const { folder: golden, load } = goldenFolder('decoupled-rcnn');
const { main: config, H, W } = JSON.parse(readFileSync(join(golden, 'config.json'), 'utf8'));

const inputs = load('inputs.safetensors');
const gtBoxes = (b: number) => inputs.get(`gt_boxes_${b}`)!.data as Float32Array;
const gtLabels = (b: number) => inputs.get(`gt_labels_${b}`)!.data as Int32Array;
const rowsOf = ({ positive, negative }: Sample) => [...positive, ...negative];

/** Ground truth and label that the stored rows carry: -1 and C for negatives. */
function targets(rows: number[], gtIndex: Int32Array, b: number) {
  const gt = rows.map((row) => Math.max(-1, gtIndex[row]!));
  return { gt, labels: gt.map((g) => (g < 0 ? config.C : gtLabels(b)[g])) };
}

describe.each([0, 1])('the samples of golden image %i', (b) => {
  const train = load('main/train.safetensors');
  const floats = (name: string) => train.get(`${name}${b}`)!.data as Float32Array;
  const integers = (name: string) => [...(train.get(`${name}${b}`)!.data as Int32Array)];
  const iou = { positiveIou: config.iou, negativeIou: config.iou };

  it('RPN anchors: positives, their ground truth, negatives', () => {
    const anchors = pyramidSizesHw([H, W]).map((size, level) =>
      levelAnchors(size, pyramidStrides[level]!, 8, [0.5, 1, 2]),
    );
    const thresholds = { positiveIou: config.rpn_pos, negativeIou: config.rpn_neg, lowQualityMinIou: config.rpn_min_pos };
    const { gtIndex } = matchPriors(concatFloat32(anchors), gtBoxes(b), thresholds);
    const { positive, negative } = randomSample(gtIndex, config.rpn_num, config.rpn_pos_frac, takeFirst);
    expect([...positive]).toEqual(integers('rpn.pos'));
    expect([...negative]).toEqual(integers('rpn.neg'));
    expect([...positive].map((row) => gtIndex[row])).toEqual(integers('rpn.pos_gt'));
  });

  it('classification rows: ground truth in front, a quarter positives at most', () => {
    const candidates = concatFloat32([gtBoxes(b), floats('Pc.boxes')]);
    const { gtIndex } = matchPriors(candidates, gtBoxes(b), iou);
    const sample = randomSample(gtIndex, config.N, config.pos_frac, takeFirst);
    expect(sample.positive.length).toBeLessThanOrEqual(config.N * config.pos_frac);
    const rows = rowsOf(sample);
    expect(rows).toEqual(integers('Sc.index'));
    expect(targets(rows, gtIndex, b)).toEqual({ gt: integers('Sc.gt'), labels: integers('Sc.labels') });
  });

  it.each([
    { stage: 1, file: 'main/train.safetensors', from: 'Pr' },
    { stage: 2, file: 'main/train.safetensors', from: 'Q2' },
    { stage: 3, file: 'main/train.safetensors', from: 'Q3' },
    { stage: 2, file: 'main/perturbed.safetensors', from: 'Q2' },
    { stage: 3, file: 'main/perturbed.safetensors', from: 'Q3' },
  ])('regression rows of stage $stage from $from of $file: every positive, then padding', ({ stage, file, from }) => {
    const stored = load(file);
    const boxes = stored.get(`${from}.boxes${b}`)!.data as Float32Array;
    const expected = (part: string) => [...(stored.get(`S${stage}.${part}${b}`)!.data as Int32Array)];
    const { gtIndex } = matchPriors(boxes, gtBoxes(b), iou);
    const rows = rowsOf(positiveSample(gtIndex, config.N, takeFirst));
    expect(rows).toEqual(expected('index'));
    expect(targets(rows, gtIndex, b)).toEqual({ gt: expected('gt'), labels: expected('labels') });
  });
});
