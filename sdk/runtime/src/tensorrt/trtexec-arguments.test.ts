import { describe, expect, it } from 'vitest';
import { attributeType, dataType, type OnnxModel } from '../onnx/index.js';
import { isVersionAtLeast, parseTrtexecBanner } from './find-trtexec.js';
import { trtexecArguments } from './trtexec-arguments.js';

const model = (...operators: string[]): OnnxModel => ({
  ir_version: 9,
  opset_import: [{ domain: '', version: 19 }],
  graph: {
    name: 'g',
    initializer: [],
    input: [],
    output: [],
    node: operators.map((op_type) => ({
      name: op_type,
      op_type,
      input: [],
      output: [],
      attribute: op_type === 'Cast' ? [{ name: 'to', type: attributeType.int, i: dataType.float16 }] : [],
    })),
  },
});
const job = {
  modelPath: '/m/a b.onnx',
  model: model('Conv'),
  enginePath: '/m/a b.engine.partial',
  timingCache: '/m/cache',
  settings: { workspaceMib: null, optimizationLevel: null },
};

describe('trtexecArguments', () => {
  it('keeps the types of the graph with TensorRT 10 and sets nothing that was not asked for', () => {
    expect(trtexecArguments(job, '10.3.0')).toEqual([
      '--onnx=/m/a b.onnx',
      '--saveEngine=/m/a b.engine.partial',
      '--timingCacheFile=/m/cache',
      '--skipInference',
      '--stronglyTyped',
      '--verbose',
    ]);
  });

  it('passes workspace and optimization level on', () => {
    const settings = { workspaceMib: 1024, optimizationLevel: 5 };
    expect(trtexecArguments({ ...job, settings }, '11.1.0')).toEqual(
      expect.arrayContaining(['--memPoolSize=workspace:1024', '--builderOptimizationLevel=5', '--stronglyTyped']),
    );
  });

  it('allows integers and half floats before TensorRT 10 only where the graph has them', () => {
    expect(trtexecArguments(job, '8.6.1')).not.toContain('--int8');
    const quantized = trtexecArguments({ ...job, model: model('QuantizeLinear', 'Cast') }, '8.6.1');
    expect(quantized.slice(3)).toEqual(['--skipInference', '--int8', '--fp16', '--verbose']);
    expect(trtexecArguments({ ...job, model: model('QuantizeLinear') }, '10.0.0')).not.toContain('--int8');
  });

  it('names the option that builds without running as TensorRT 8.5 did', () => {
    expect(trtexecArguments(job, '8.5.2')[3]).toBe('--buildOnly');
  });
});

describe('parseTrtexecBanner', () => {
  // Banners after public logs; TensorRT counts its versions in two ways.
  it.each([
    ['&&&& RUNNING TensorRT.trtexec [TensorRT v8402] # trtexec', '8.4.2'],
    ['&&&& RUNNING TensorRT.trtexec [TensorRT v8502] # trtexec --help', '8.5.2'],
    ['&&&& RUNNING TensorRT.trtexec [TensorRT v100300] # trtexec --help', '10.3.0'],
    ['\n&&&& RUNNING TensorRT.trtexec [TensorRT v101602] [b10] # trtexec', '10.16.2'],
    ['trtexec: command not found', undefined],
  ])('reads %j as %s', (text, version) => expect(parseTrtexecBanner(text)).toBe(version));
});

describe('isVersionAtLeast', () => {
  it.each([
    ['8.6.1', '8.6', true],
    ['8.5.9', '8.6', false],
    ['10.0.0', '10', true],
    ['9.3.0', '10', false],
  ])('compares %s with %s part by part', (version, least, expected) =>
    expect(isVersionAtLeast(version, least)).toBe(expected),
  );
});
