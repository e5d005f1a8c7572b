import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadEngine } from '@plumbline/train/engines';
import { binaryCrossEntropySum, crossEntropyMean, l1Sum, smoothL1Sum } from '@plumbline/train/model';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { trainingEngines } from '../fixtures/training-engines.js';

// torch 1.13.1; values 1e-6 relative, gradients 1e-6 absolute, as the folder's README says.
const golden = join(process.env.PLUMBLINE_GOLDEN ?? import.meta.dirname, 'ops');
const losses = JSON.parse(readFileSync(join(golden, 'losses.json'), 'utf8'));

describe.each(trainingEngines)('the losses on %s equal those of torch', (engine) => {
  beforeAll(async () => {
    await loadEngine(engine);
  });

  /** Value and gradient of `loss / normaliser` with respect to `rows`, both checked. */
  function expectLoss<T extends tf.Tensor>(
    loss: (x: T) => tf.Scalar,
    rows: number[] | number[][],
    normaliser: number,
    expected: { value: number; gradient: number[] | number[][] },
  ): void {
    tf.tidy(() => {
      const { value, grad } = tf.valueAndGrad((x) => tf.div(loss(x as T), normaliser))(tf.tensor(rows));
      expect(Math.abs(value.dataSync()[0]! / expected.value - 1)).toBeLessThanOrEqual(1e-6);
      const gradient = expected.gradient.flat();
      expect(grad.size).toBe(gradient.length);
      grad.dataSync().forEach((found, i) => expect(Math.abs(found - gradient[i]!), `gradient ${i}`).toBeLessThan(1e-6));
    });
  }

  it('RPN objectness: binary cross-entropy over the sampled rows of the batch', () => {
    const { logits, labels, normaliser, loss_cls, grad_logits } = losses.rpn;
    const loss = (x: tf.Tensor1D) => binaryCrossEntropySum(x, tf.tensor1d(labels));
    expectLoss(loss, logits, normaliser, { value: loss_cls, gradient: grad_logits });
  });

  it('RPN boxes: L1 over positive rows, by the same normaliser', () => {
    const { pred_deltas, target_deltas, normaliser, loss_box, grad_deltas } = losses.rpn;
    const loss = (x: tf.Tensor2D) => l1Sum(x, tf.tensor2d(target_deltas));
    expectLoss(loss, pred_deltas, normaliser, { value: loss_box, gradient: grad_deltas });
  });

  it('classification: mean cross-entropy', () => {
    const { logits, labels, loss, grad, softmax } = losses.cls;
    const mean = (x: tf.Tensor2D) => crossEntropyMean(x, Int32Array.from(labels));
    expectLoss(mean, logits, 1, { value: loss, gradient: grad });
    const probabilities = tf.tidy(() => tf.softmax(tf.tensor2d(logits)).dataSync());
    softmax.flat().forEach((p: number, i: number) => expect(Math.abs(probabilities[i]! - p)).toBeLessThan(1e-6));
  });

  it('regression: L1 of the delta of the row\'s class, positives only, by every row of the batch', () => {
    const { N, B, C, labels, deltas, targets, loss, grad } = losses.reg;
    const positives = (labels as number[]).flatMap((label, row) => (label < C ? [{ label, row }] : []));
    expect(positives.length).toBeGreaterThan(0);
    const rows = tf.tensor1d(Int32Array.from(positives, ({ row, label }) => row * C + label), 'int32');
    const target = tf.tensor2d(positives.map(({ row }) => targets[row]));
    const ofClass = (x: tf.Tensor2D) => l1Sum(tf.gather(tf.reshape(x, [-1, 4]), rows) as tf.Tensor2D, target);
    expectLoss(ofClass, deltas, N * B, { value: loss, gradient: grad });
  });

  it('section 10 item 4: deltas off by 1 in every coordinate cost 4 P / 512', () => {
    const { N, B, P, loss } = losses.spec10_item4;
    const target = tf.randomUniform([P, 4], -2, 2, 'float32', 3) as tf.Tensor2D;
    const signs = tf.tensor2d(Array.from({ length: 4 * P }, (_, i) => (i % 3 === 0 ? -1 : 1)), [P, 4]);
    const value = tf.div(l1Sum(tf.add(target, signs), target), N * B).dataSync()[0]!;
    expect(Math.abs(value / loss - 1)).toBeLessThan(1e-6);
    expect(loss).toBe((4 * P) / 512);
  });

  const smooth = Object.keys(losses).filter((name) => name.startsWith('smooth_l1'));
  it.each(smooth)('%s', (name) => {
    const { beta, diff, loss_sum, grad } = losses[name];
    const loss = (x: tf.Tensor2D) => smoothL1Sum(x, tf.zerosLike(x), beta);
    expectLoss(loss, diff, 1, { value: loss_sum, gradient: grad });
  });

  it('smooth L1 with beta 0 is L1', () => {
    const { diff } = losses[smooth[0]!];
    const flat = (diff as number[][]).flat();
    const value = flat.reduce((sum, d) => sum + Math.abs(d), 0);
    const loss = (x: tf.Tensor2D) => smoothL1Sum(x, tf.zerosLike(x), 0);
    expectLoss(loss, diff, 1, { value, gradient: flat.map(Math.sign) });
  });

  it('gradients at the bends: half of a logit of 0, nothing of a difference of 0, 1 at beta', () => {
    const gradient = (loss: (x: tf.Tensor) => tf.Tensor, values: number[]) =>
      tf.tidy(() => [...tf.grad(loss)(tf.tensor(values)).dataSync()]);
    const labels = [0, 1];
    expect(gradient((x) => binaryCrossEntropySum(x as tf.Tensor1D, tf.tensor1d(labels)), [0, 0])).toEqual([0.5, -0.5]);
    const smoothed = (beta: number) => (x: tf.Tensor) => smoothL1Sum(x as tf.Tensor2D, tf.zerosLike(x) as never, beta);
    expect(gradient(smoothed(0), [0, 2, -2])).toEqual([0, 1, -1]);
    expect(gradient(smoothed(0.5), [0, 0.25, -0.5, 2])).toEqual([0, 0.5, -1, 1]);
  });
});
