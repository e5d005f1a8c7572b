import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modelManifestSchema } from '@plumbline/contract';
import type { Detection } from '@plumbline/core/geometry';
import { openDataset, readImageRgb } from '@plumbline/data/dataset';
import { compareDetections } from '@plumbline/deploy/export';
import { lintForTensorrt } from '@plumbline/deploy/lint';
import { createDetector } from '@plumbline/runtime/detector';
import { dataType, decodeModel, type OnnxModel, toNumber } from '@plumbline/runtime/onnx';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runPlumbline } from '../fixtures/run-plumbline.js';
import { demoBoards } from '../fixtures/tiny-training.js';

const shipped = join(import.meta.dirname, '../../models/pcb-defects-nano');
let dir: string;
let model: string;
const file = (name: string) => join(model, name);

async function detect(modelDir: string, count: number): Promise<Detection[][]> {
  const samples = (await openDataset(demoBoards)).samples.slice(0, count);
  const detector = await createDetector({ modelDir });
  const found: Detection[][] = [];
  for (const sample of samples) found.push((await detector.detect(await readImageRgb(sample.file))).detections);
  await detector.dispose();
  return found;
}

async function read(path: string): Promise<OnnxModel> {
  return decodeModel(await readFile(path), path);
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-tensorrt-'));
  model = join(dir, 'pcb-defects-nano');
  await cp(shipped, model, { recursive: true });
  const args = ['--checkpoint', shipped, '--target', 'tensorrt', '--out', file('model.tensorrt.onnx'), '--json'];
  const { exitCode, stdout, stderr } = await runPlumbline('export', ...args, '--data', demoBoards, '--limit', '5');
  expect(stderr).not.toContain('PLB_');
  expect(exitCode).toBe(0);
  const { parity, ...report } = JSON.parse(stdout);
  expect(report).toMatchObject({ target: 'tensorrt', opset: 19 });
  expect(report.outputs).toEqual([
    { name: 'boxes', type: 'float', shape: [150, 4] },
    { name: 'scores', type: 'float', shape: [150, 6] },
  ]);
  for (const part of [parity, parity.beforeNms]) {
    expect(part).toMatchObject({ images: 5, unmatched: 0 });
    expect(part.detections).toBeGreaterThan(20);
    expect(part.maxBoxErrorPx).toBeLessThan(0.05);
    expect(part.maxScoreError).toBeLessThan(1e-4);
  }
}, 60_000);
afterAll(() => rm(dir, { recursive: true }));

describe('plumbline export --target tensorrt', () => {
  it('reads the weights of a model folder and joins its manifest', async () => {
    const manifest = modelManifestSchema.parse(JSON.parse(await readFile(file('manifest.json'), 'utf8')));
    expect(Object.keys(manifest.files)).toEqual(['model.onnx', 'model.tensorrt.onnx']);
    expect(manifest.input).toMatchObject({ name: 'frame', layout: 'NHWC' });
    expect(manifest.files['model.tensorrt.onnx']).toMatchObject({
      input: { kind: 'image', name: 'image', contentSize: 'content' },
      outputs: { kind: 'regions', nmsIou: 0.5, maxDetections: 100 },
    });
    expect(manifest.files['model.onnx']!.input).toBeUndefined();
  });

  it('finds what the shipped portable model finds, with an image and with frames of one size', async () => {
    const expected = await detect(shipped, 5);
    const fixed = join(dir, 'fixed');
    const args = ['--checkpoint', shipped, '--target', 'tensorrt', '--frame', '640x640', '--out', fixed];
    expect((await runPlumbline('export', ...args)).exitCode).toBe(0);
    for (const path of [file('model.tensorrt.onnx'), fixed]) {
      const parity = compareDetections(expected, await detect(path, 5), 0.01);
      expect(parity.detections).toBeGreaterThan(50);
      expect(parity.unmatched).toBe(0);
      expect(parity.maxBoxErrorPx).toBeLessThan(0.05);
      expect(parity.maxScoreError).toBeLessThan(1e-4);
    }
    const detector = await createDetector({ modelDir: fixed });
    const small = { width: 32, height: 16, data: new Uint8Array(32 * 16 * 3) };
    await expect(detector.detect(small)).rejects.toMatchObject({
      code: 'PLB_RUNTIME_FRAME_SIZE',
      params: { width: 32, height: 16, fixedWidth: 640, fixedHeight: 640 },
    });
    await detector.dispose();
  }, 60_000);

  it('writes a graph that TensorRT has nothing against, whose values all have sizes', async () => {
    const graph = await read(file('model.tensorrt.onnx'));
    expect(lintForTensorrt(graph, '10.3')).toEqual([]);
    const types = new Set(graph.graph.node.map((node) => node.op_type));
    for (const type of ['NonZero', 'NonMaxSuppression', 'ScatterND', 'Loop']) expect(types.has(type), type).toBe(false);
  });

  it('computes features in float16 with --precision float16, boxes and scores in float32', async () => {
    const half = join(dir, 'half');
    const args = ['--checkpoint', shipped, '--target', 'tensorrt', '--precision', 'float16', '--out', half, '--json'];
    const { exitCode, stdout } = await runPlumbline('export', ...args, '--data', demoBoards, '--limit', '5');
    expect(exitCode).toBe(0);
    const { parity, bytes } = JSON.parse(stdout);
    expect(bytes).toBeLessThan(7e6);
    expect(parity.detections).toBeGreaterThan(50);
    expect(parity.maxBoxErrorPx).toBeLessThan(2);
    expect(parity.maxScoreError).toBeLessThan(0.05);
    const graph = await read(join(half, 'model.onnx'));
    expect(lintForTensorrt(graph, '10.3')).toEqual([]);
    const { node, initializer, output } = graph.graph;
    const constants = new Map(initializer.map((tensor) => [tensor.name, tensor]));
    const casts = new Map(node.filter(({ op_type }) => op_type === 'Cast').map((each) => [each.output[0]!, each]));
    const typeOf = (name: string) => toNumber(constants.get(name)?.data_type ?? casts.get(name)!.attribute[0]!.i!);
    const convolutions = node.filter(({ op_type }) => op_type === 'Conv');
    for (const { name, input } of convolutions)
      expect(typeOf(input[2]!), name).toBe(/rpn_out/.test(name) ? dataType.float : dataType.float16);
    expect(output.map((value) => value.type!.tensor_type!.elem_type)).toEqual([dataType.float, dataType.float]);
  }, 60_000);

  it('refuses more proposals than TopK takes, and --frame for the portable target', async () => {
    const args = ['export', '--checkpoint', shipped, '--out', join(dir, 'refused')];
    const many = await runPlumbline(...args, '--target', 'tensorrt', '--proposals', '4000');
    expect(many.stderr).toContain('PLB_DEPLOY_TOPK_LIMIT');
    expect(many.stderr).toContain('proposals.testPostNms is 4000');
    expect(many.exitCode).toBe(2);
    const frame = await runPlumbline(...args, '--frame', '640x640');
    expect(frame.stderr).toContain('PLB_CLI_USAGE');
    expect(frame.exitCode).toBe(2);
  });
});

describe('plumbline quantize --target tensorrt', () => {
  const quantize = (from: string, ...more: string[]) =>
    runPlumbline(
      ...['quantize', '--model', from, '--target', 'tensorrt', '--out', file('model.tensorrt-int8.onnx')],
      ...['--calibrate', demoBoards, '--gate-data', demoBoards, '--images', '6', ...more],
    );

  it('writes symmetric integers with float16 steps that TensorRT has nothing against and that detect as well', async () => {
    const { exitCode, stdout, stderr } = await quantize(file('model.tensorrt.onnx'), '--max-drop', '3', '--json');
    expect(stderr).not.toContain('PLB_');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ target: 'tensorrt', passed: true, keptFloat: [], speedup: null });
    const graph = await read(file('model.tensorrt-int8.onnx'));
    expect(lintForTensorrt(graph, '10.3')).toEqual([]);
    const { node, initializer } = graph.graph;
    const constants = new Map(initializer.map((tensor) => [tensor.name, tensor]));
    const pairs = node.filter((each) => each.op_type.endsWith('Linear'));
    expect(pairs.length).toBeGreaterThan(100);
    for (const { input } of pairs) {
      expect(constants.get(input[1]!)!.data_type).toBe(dataType.float16);
      const zeroPoint = constants.get(input[2]!)!;
      expect(zeroPoint.data_type).toBe(dataType.int8);
      expect(zeroPoint.raw_data!.every((value) => value === 0)).toBe(true);
    }
    // Of a sum only what passes the convolution by is in integers.
    const producers = new Map(node.flatMap((each) => each.output.map((name) => [name, each.op_type])));
    const add = node.find((each) => each.name === 'backbone.layer2.1.add')!;
    expect(add.input.map((name) => producers.get(name))).toEqual(['Conv', 'DequantizeLinear']);
    const biases = node
      .filter((each) => each.op_type === 'Conv' && /backbone/.test(each.name))
      .map(({ input }) => input[2]!);
    expect(biases.every((name) => toNumber(constants.get(name)!.data_type) === dataType.float16)).toBe(true);
    const ap = await runPlumbline('eval', '--model', file('model.tensorrt-int8.onnx'), '--data', demoBoards, '--json');
    expect(JSON.parse(ap.stdout).stats.AP).toBeCloseTo(JSON.parse(stdout).int8.AP, 6);
  }, 90_000);

  it('makes the graph itself of a portable file, and refuses a model that it cannot make one of', async () => {
    const direct = join(dir, 'direct', 'model.tensorrt-int8.onnx');
    const args = ['--calibrate', demoBoards, '--gate-data', demoBoards, '--images', '6', '--max-drop', '3'];
    const to = ['quantize', '--model', shipped, '--target', 'tensorrt', '--out', direct];
    const { exitCode } = await runPlumbline(...to, ...args);
    expect(exitCode).toBe(0);
    expect(await readFile(direct)).toEqual(await readFile(file('model.tensorrt-int8.onnx')));
    const int8 = file('model.cpu-x64.onnx');
    expect((await runPlumbline('quantize', '--model', model, '--out', int8, ...args)).exitCode).toBe(0);
    const refused = await quantize(int8);
    expect(refused.stderr).toContain('PLB_DEPLOY_NOT_STATIC');
    expect(refused.exitCode).toBe(2);
  }, 120_000);

  it('tells that the weights of a quantized file cannot be read back', async () => {
    const int8 = join(dir, 'int8');
    await cp(shipped, int8, { recursive: true });
    const args = ['--calibrate', demoBoards, '--gate-data', demoBoards, '--images', '2', '--max-drop', '100'];
    const written = await runPlumbline('quantize', '--model', int8, '--out', join(int8, 'model.onnx'), ...args);
    expect(written.exitCode).toBe(0);
    const { exitCode, stderr } = await runPlumbline('export', '--checkpoint', int8, '--out', join(dir, 'again'));
    expect(stderr).toContain('PLB_DEPLOY_NOT_EXPORTED');
    expect(exitCode).toBe(2);
  }, 60_000);
});
