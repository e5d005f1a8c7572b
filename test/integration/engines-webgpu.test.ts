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

  it('does not go on with worthless values after an error of the device', async () => {
    const { tf } = await loadEngine('webgpu');
    const { device } = tf.backend() as unknown as { device: { createBuffer(of: object): unknown } };
    const sum = () => inScope(() => read(tf.addN(Array.from({ length: 20 }, (_, i) => tf.scalar(i)))));
    expect([...(await sum())]).toEqual([190]);
    device.createBuffer({ size: 2 ** 50, usage: 0x80 });
    await expect(sum()).rejects.toMatchObject({
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
