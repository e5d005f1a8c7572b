import { describe, expect, it } from 'vitest';
import { describeGpu } from './gpu-check.js';

describe('the line for the graphics card', () => {
  const nvidia = {
    ok: true as const,
    driverVersion: '550.54.14',
    devices: [{ name: 'NVIDIA GeForce RTX 4090', uuid: 'GPU-aa11', memoryMegabytes: 24564 }],
  };
  const noNvidia = { ok: false as const, reason: 'neither nvidia-smi nor the kernel module is there' };
  const onCard = { ok: true as const, version: '2.21.0', device: 'NVIDIA GeForce RTX 4090' };
  const onProcessor = { ok: true as const, version: '2.21.0', device: 'cpu' };
  const card = 'NVIDIA GeForce RTX 4090, NVIDIA driver 550.54.14';

  it('names driver, device and the engine that computes on it', () => {
    expect(describeGpu({ nvidia, tensorflow: onCard, webgpu: 'NVIDIA GeForce RTX 4090' })).toEqual({
      id: 'gpu',
      ok: true,
      required: false,
      found: `${card}: the tensorflow engine computes on NVIDIA GeForce RTX 4090`,
      expected: expect.any(String),
      fix: '',
    });
  });

  it('sends the owner of an unused NVIDIA card to --cuda', () => {
    for (const tensorflow of [undefined, onProcessor]) {
      expect(describeGpu({ nvidia, tensorflow, webgpu: undefined })).toMatchObject({
        ok: false,
        found: `${card}: no engine uses it`,
        fix: expect.stringContaining('plumbline doctor --setup tensorflow --cuda'),
      });
    }
  });

  it("says when the webgpu engine would use a card of any vendor's", () => {
    expect(describeGpu({ nvidia: noNvidia, tensorflow: undefined, webgpu: 'Radeon RX 7800' })).toMatchObject({
      ok: true,
      found: 'Radeon RX 7800: the webgpu engine (--engine webgpu) computes on it',
    });
    expect(describeGpu({ nvidia, tensorflow: onProcessor, webgpu: 'RTX' }).found).toBe(
      `${card}: the webgpu engine (--engine webgpu) is there for it; auto takes tensorflow on the processor`,
    );
  });

  it('says why there is none', () => {
    expect(describeGpu({ nvidia: noNvidia, tensorflow: onProcessor, webgpu: undefined })).toMatchObject({
      ok: false,
      required: false,
      found: 'none: neither nvidia-smi nor the kernel module is there; no device answers to WebGPU',
    });
  });
});
