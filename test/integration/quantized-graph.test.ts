import { join } from 'node:path';
import { openDataset } from '@plumbline/data/dataset';
import {
  calibrationImages,
  featureNodes,
  GraphView,
  measureRanges,
  planQdq,
  Quantizer,
  targetSettings,
  valuesToMeasure,
  writeQdq,
} from '@plumbline/deploy/quantize';
import { encodeModel, type OnnxModel } from '@plumbline/runtime/onnx';
import { createFrameRunner, foldConstants } from '@plumbline/runtime/session';
import { beforeAll, describe, expect, it } from 'vitest';
import { frameInput } from '../fixtures/frame-input.js';
import { demoBoards } from '../fixtures/tiny-training.js';

const modelPath = join(import.meta.dirname, '../../models/pcb-defects-nano/model.onnx');
const settings = targetSettings('cpu-x64', false, 17);

async function boards(count: number) {
  return calibrationImages((await openDataset(demoBoards)).samples.slice(0, count));
}

describe('the shipped model in integers', () => {
  let view: GraphView;
  let quantizer: Quantizer;
  let plain: OnnxModel;

  beforeAll(async () => {
    view = new GraphView(await foldConstants(modelPath), modelPath);
    const nodes = featureNodes(view);
    const plan = planQdq(view, new Set(nodes.map(({ name }) => name)), settings);
    const ranges = await measureRanges(view.model, valuesToMeasure(plan), await boards(2), {
      method: 'minmax',
      isSymmetric: false,
      input: frameInput,
    });
    quantizer = new Quantizer(view, nodes, settings, ranges);
    plain = writeQdq(view, plan, ranges);
  }, 60_000);

  it('keeps boxes and scores float', () => {
    const names = featureNodes(view).map(({ name }) => name);
    expect(names).toContain('backbone.conv1');
    expect(names).toContain('rpn_head.p2.rpn_conv');
    expect(names.filter((name) => /rpn_out|fc_cls|fc_reg|decode|detections|TopK|nms/.test(name))).toEqual([]);
  });

  it('returns the same numbers to the last bit after the rewrites of its integers', async () => {
    const rewritten = quantizer.without(new Set());
    const types = (model: OnnxModel) => new Set(model.graph.node.map((node) => node.op_type));
    expect(types(plain).has('SpaceToDepth')).toBe(false);
    expect(types(rewritten).has('SpaceToDepth')).toBe(true);
    const upsamplings = (model: OnnxModel) => model.graph.node.filter((node) => node.name.startsWith('neck.upsample'));
    expect(upsamplings(plain).some((node) => node.op_type === 'Resize')).toBe(true);
    expect(upsamplings(rewritten).some((node) => node.op_type === 'Resize')).toBe(false);
    const a = await createFrameRunner(encodeModel(plain), frameInput, 1);
    const b = await createFrameRunner(encodeModel(rewritten), frameInput, 1);
    for await (const { image } of await boards(3)) {
      const outputs = ['boxes', 'scores'];
      const [expected, found] = [await a.run(image, outputs), await b.run(image, outputs)];
      expect(expected.get('scores')!.length).toBeGreaterThan(0);
      for (const name of outputs) expect([...found.get(name)!], name).toEqual([...expected.get(name)!]);
    }
    await a.dispose();
    await b.dispose();
  }, 60_000);

  it('quantizes one layer alone and leaves one layer out', () => {
    const [layer] = quantizer.layers;
    const integerWeights = (model: OnnxModel) =>
      model.graph.initializer.filter(({ name }) => name.endsWith('weight_quantized')).map(({ name }) => name);
    expect(integerWeights(quantizer.only(layer!))).toEqual([`${layer!.name}.weight_quantized`]);
    const others = integerWeights(quantizer.without(new Set([layer!.name])));
    expect(others).not.toContain(`${layer!.name}.weight_quantized`);
    expect(others.length).toBe(quantizer.layers.length - 1);
  });

  it('refuses weights that are not finite, naming node and tensor', () => {
    const [layer] = quantizer.layers;
    const weight = `${layer!.name}.weight`;
    const initializer = view.model.graph.initializer.map((tensor) => {
      if (tensor.name !== weight) return tensor;
      const values = new Float32Array(Uint8Array.from(tensor.raw_data!).buffer);
      values[3] = Number.NaN;
      return { ...tensor, raw_data: new Uint8Array(values.buffer) };
    });
    const broken = new GraphView({ ...view.model, graph: { ...view.model.graph, initializer } }, 'broken.onnx');
    const plan = planQdq(broken, new Set([layer!.nodes[0]!.name]), settings);
    const ranges = new Map(valuesToMeasure(plan).map((value) => [value, { low: 0, high: 1 }]));
    expect(() => writeQdq(broken, plan, ranges)).toThrow(
      expect.objectContaining({
        code: 'PLB_DEPLOY_WEIGHTS_INVALID',
        message: expect.stringMatching(/broken\.onnx: tensor .*conv1\.weight of node .*conv1: value 3 is NaN/),
      }),
    );
  });

  it('refuses to calibrate without an image, and with numbers that are not finite', async () => {
    const options = { method: 'minmax', isSymmetric: false, input: frameInput } as const;
    const none = (async function* () {})();
    await expect(measureRanges(view.model, ['backbone.relu'], none, options)).rejects.toMatchObject({
      code: 'PLB_DEPLOY_CALIBRATION_EMPTY',
    });
    const { graph } = view.model;
    const nodes = graph.node.map((node) =>
      node.op_type === 'Relu' && node.name === 'backbone.relu' ? { ...node, op_type: 'Sqrt' } : node,
    );
    const broken = { ...view.model, graph: { ...graph, node: nodes } };
    await expect(
      measureRanges(broken, ['backbone.relu'], await boards(1), { ...options, method: 'percentile' }),
    ).rejects.toMatchObject({ code: 'PLB_DEPLOY_CALIBRATION_NOT_FINITE', params: { value: 'backbone.relu' } });
  }, 60_000);
});
