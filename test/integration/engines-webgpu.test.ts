import { inScope, loadEngine, read } from '@plumbline/train/engines';
import { describe, expect, it } from 'vitest';
import { webgpuDevice, webgpuMissing } from '../fixtures/training-engines.js';
import { describeEngine } from './engines.contract.js';

if (!webgpuDevice) console.log(webgpuMissing);

describe.skipIf(!webgpuDevice)('engine webgpu', () => {
  // Its RoIAlign adds the gradient with atomics, in any order: on sums of up to 17 that is the last five bits.
  describeEngine(() => loadEngine('webgpu'), { isDeterministic: false, gradientTolerance: 5e-5 });

  it('names the device', async () => {
    expect((await loadEngine('webgpu')).device).toBe(webgpuDevice!.name);
  });

  it('sums and averages over many positions in parts, with the gradient of the whole', async () => {
    const { tf } = await loadEngine('webgpu');
    const x = tf.tensor4d(
      Float32Array.from({ length: 2 * 64 * 48 * 3 }, (_, i) => (i % 7) - 3 + (i % 3)),
      [2, 64, 48, 3],
    );
    const expected = [0, 1, 2].map((c) =>
      (x.dataSync() as Float32Array).filter((_, i) => i % 3 === c).reduce((a, b) => a + b),
    );
    expect([...(await tf.sum(x, [0, 1, 2]).data())]).toEqual(expected);
    const mean = tf.mean(x, [0, 1, 2], true);
    expect(mean.shape).toEqual([1, 1, 1, 3]);
    (await mean.data()).forEach((value, c) => expect(value).toBeCloseTo(expected[c]! / (2 * 64 * 48), 5));
    const grad = await tf
      .grad((y) => tf.sum(tf.square(tf.sum(y, [0, 1, 2]))))(x)
      .data();
    expect([...grad.slice(0, 3)]).toEqual(expected.map((value) => 2 * value));
  });

  it('does not go on with worthless values after an error of the device', async () => {
    const { tf } = await loadEngine('webgpu');
    const { device } = tf.backend() as unknown as { device: { createBuffer(of: object): unknown } };
    const sum = () => inScope(() => read(tf.addN(Array.from({ length: 20 }, (_, i) => tf.scalar(i)))));
    expect([...(await sum())]).toEqual([190]);
    const spoiled = inScope(function* () {
      device.createBuffer({ size: 2 ** 50, usage: 0x80 });
      return yield* read(tf.scalar(1));
    });
    await expect(spoiled).rejects.toMatchObject({
      code: expect.stringMatching(/PLB_TRAIN_DEVICE_(FAILED|OUT_OF_MEMORY)/),
    });
    expect([...(await sum())]).toEqual([190]);
  });
});

describe.skipIf(webgpuDevice)('engine webgpu without a driver', () => {
  it('says what is missing', async () => {
    await expect(loadEngine('webgpu')).rejects.toMatchObject({
      code: expect.stringMatching(/PLB_TRAIN_NO_WEBGPU_DEVICE|PLB_TRAIN_WEBGPU_NOT_INSTALLED/),
    });
  });
});
