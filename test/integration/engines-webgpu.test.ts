import { loadEngine } from '@plumbline/train/engines';
import { describe, expect, it } from 'vitest';
import { webgpuDevice, webgpuMissing } from '../fixtures/training-engines.js';
import { describeEngine } from './engines.contract.js';

if (!webgpuDevice) console.log(webgpuMissing);

describe.skipIf(!webgpuDevice)('engine webgpu', () => {
  // Its RoIAlign adds the gradient with atomics, in any order.
  describeEngine(() => loadEngine('webgpu'), { isDeterministic: false });

  it('names the device', async () => {
    expect((await loadEngine('webgpu')).device).toBe(webgpuDevice!.name);
  });
});

describe.skipIf(webgpuDevice)('engine webgpu without a driver', () => {
  it('says what is missing', async () => {
    await expect(loadEngine('webgpu')).rejects.toMatchObject({
      code: expect.stringMatching(/PLB_TRAIN_NO_WEBGPU_DEVICE|PLB_TRAIN_WEBGPU_NOT_INSTALLED/),
    });
  });
});
