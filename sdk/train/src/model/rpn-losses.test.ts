import { trainConfigSchema } from '@plumbline/contract';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEngine } from '../engines/index.js';
import { createDetectorModel } from './detector-model.js';
import { rpnLosses } from './rpn-losses.js';

beforeAll(async () => void (await loadEngine('wasm')));

const takeFirst = (candidates: Int32Array, k: number) => candidates.slice(0, k);
const sizeHw = [64, 64] as const;
/** Two anchors: the ground truth exactly, half of it beyond the edge, and one inside that overlaps it by half. */
const anchors = [Float32Array.of(-16, 0, 16, 32), Float32Array.of(0, 0, 16, 32)];
const gt = [{ boxesXyxy: Float32Array.of(-16, 0, 16, 32), labels: Int32Array.of(0) }];

function lossesWith(settings: { sampling?: object; loss?: object }, predicted: number[][]) {
  const config = trainConfigSchema.parse({
    imageSizeHw: sizeHw,
    model: { backbone: { width: 4 }, fpn: { channels: 8 }, head: { fcChannels: 16 } },
    ...settings,
  });
  const model = createDetectorModel(config, ['a']);
  return tf.tidy(() => {
    const trunk = { pyramid: [], logits: tf.zeros<tf.Rank.R2>([1, 2]), deltas: tf.tensor3d([predicted]) };
    const { objectness, box } = rpnLosses(model, trunk, anchors, gt, sizeHw, takeFirst);
    return { objectness: objectness.dataSync()[0]!, box: box.dataSync()[0]! };
  });
}

const zero = [0, 0, 0, 0];
const offByHalf = [0.5, 0, 0, 0];

describe('rpnLosses', () => {
  it('trains every anchor by default: one positive, and the overlapping one is neither', () => {
    const { objectness, box } = lossesWith({}, [offByHalf, zero]);
    // One positive counts 1, no negative counts 1 as well.
    expect(objectness).toBeCloseTo(Math.log(2) / 2, 6);
    expect(box).toBeCloseTo(0.5 / 2, 6);
  });

  it.each([
    ['leaves out anchors over the edge, so that the next best is the positive', 0],
    ['counts the distance in px: 15 are not enough', 15],
  ])('%s', (_, rpnAllowedBorder) => {
    const exact = [-0.5, 0, Math.log(2), 0];
    expect(lossesWith({ sampling: { rpnAllowedBorder } }, [offByHalf, exact]).box).toBeCloseTo(0, 6);
  });

  it('trains an anchor that keeps within the allowed border', () => {
    expect(lossesWith({ sampling: { rpnAllowedBorder: 16 } }, [offByHalf, zero]).box).toBeCloseTo(0.5 / 2, 6);
  });

  it('has no loss when no anchor is inside', () => {
    const outside = { sampling: { rpnAllowedBorder: 0 } };
    const narrow = [{ ...gt[0]!, clipHw: [16, 16] as const }];
    const config = trainConfigSchema.parse({ imageSizeHw: sizeHw, ...outside, model: { backbone: { width: 4 } } });
    const model = createDetectorModel(config, ['a']);
    const trunk = { pyramid: [], logits: tf.zeros<tf.Rank.R2>([1, 2]), deltas: tf.zeros<tf.Rank.R3>([1, 2, 4]) };
    const { objectness, box } = rpnLosses(model, trunk, anchors, narrow, sizeHw, takeFirst);
    expect([objectness.dataSync()[0], box.dataSync()[0]]).toEqual([0, 0]);
  });

  it('is quadratic below 1/9 with smoothL1', () => {
    const smooth = { loss: { rpnRegression: 'smoothL1' } };
    expect(lossesWith(smooth, [offByHalf, zero]).box).toBeCloseTo((0.5 - 1 / 18) / 2, 6);
    expect(lossesWith(smooth, [[0.05, 0, 0, 0], zero]).box).toBeCloseTo((0.05 ** 2 * 4.5) / 2, 6);
  });
});
