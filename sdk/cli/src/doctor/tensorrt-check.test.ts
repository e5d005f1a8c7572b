import * as tensorrt from '@plumbline/runtime/tensorrt';
import { describe, expect, it } from 'vitest';
import { describeTensorrt, findTensorrt, type TensorrtFacts } from './tensorrt-check.js';

const jetson: TensorrtFacts = {
  onnxruntime: { version: '1.25.1', backends: ['cpu', 'cuda', 'tensorrt'], folder: '/opt/onnxruntime-node' },
  jetPack: tensorrt.jetPackOf('36.4.3'),
  tensorrt: { version: '10.3.0' },
  trtexec: { path: '/usr/src/tensorrt/bin/trtexec', version: '10.3.0' },
};
const describeBy = (facts: TensorrtFacts) =>
  Object.fromEntries(describeTensorrt(facts, tensorrt).map((check) => [check.id, check]));

describe('the lines for TensorRT', () => {
  it('are all in order on a Jetson with the pinned pairing', () => {
    const lines = describeBy(jetson);
    expect(Object.values(lines).filter(({ ok, fix }) => !ok || fix !== '')).toEqual([]);
    expect(lines.backends!.found).toBe('cpu, cuda, tensorrt in ONNX Runtime 1.25.1 of /opt/onnxruntime-node');
    expect(lines.jetpack!.found).toBe('JetPack 6.2 (L4T 36.4.3)');
    expect(lines.tensorrt!.found).toBe('TensorRT 10.3.0, trtexec at /usr/src/tensorrt/bin/trtexec');
  });

  it("say that npm's build for a Jetson lacks the provider, and how to build one that has it", () => {
    const lines = describeBy({ ...jetson, onnxruntime: { version: '1.30.0', backends: ['cpu'], folder: undefined } });
    expect(lines.backends).toMatchObject({ ok: false, found: 'cpu in ONNX Runtime 1.30.0' });
    expect(lines.backends!.fix).toContain('build-onnxruntime-node.sh');
    expect(lines['tensorrt-pairing']).toMatchObject({
      ok: false,
      found: 'ONNX Runtime 1.30.0, TensorRT 10.3.0, JetPack 6.2',
    });
  });

  it('ask for nothing on a machine that is no Jetson', async () => {
    const none = '/nonexistent/program';
    const sources = { root: '/nonexistent', trtexec: none, nvidiaSmi: none, dpkgQuery: none };
    const lines = describeTensorrt(await findTensorrt(tensorrt, undefined, undefined, sources), tensorrt);
    expect(lines.every(({ required }) => !required)).toBe(true);
    const found = Object.fromEntries(lines.map((line) => [line.id, line.found]));
    expect(found).toEqual({
      backends: 'not installed',
      jetpack: 'this is no Jetson',
      tensorrt: expect.stringContaining('cannot tell the TensorRT version of this device; looked for'),
      'tensorrt-pairing': 'ONNX Runtime none, TensorRT none, JetPack none',
    });
  });
});
