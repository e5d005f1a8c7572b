import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trainConfigSchema } from '@plumbline/contract';
import type { NamedTensor } from '@plumbline/core/safetensors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadEngine } from '../engines/index.js';
import { createDetectorModel, type DetectorModel, exportWeights } from '../model/index.js';
import { loadWeights, readCheckpointHeader } from '../train/checkpoint.js';
import { type ImportOptions, importModelWeights } from './import-model-weights.js';
import { targetOf } from './layouts.js';
import { writeImportedModel } from './write-imported-model.js';

const classes = ['a', 'b'];

function createModel(seed: number, model: object = {}): DetectorModel {
  const small = { backbone: { width: 4 }, fpn: { channels: 8 } };
  const config = { seed, imageSizeHw: [64, 64], model: { ...small, head: { fcChannels: 16 }, ...model } };
  return createDetectorModel(trainConfigSchema.parse(config), classes);
}

type Tensors = Map<string, NamedTensor>;

/** Every tensor of a model under another name. */
function renamed(model: DetectorModel, rename: (name: string) => string): Tensors {
  const entries = [...exportWeights(model.parameters)];
  return new Map(entries.map(([name, { shape, data }]) => [rename(name), { dtype: 'F32', shape, data } as const]));
}

const values = (model: DetectorModel) =>
  Object.fromEntries([...exportWeights(model.parameters)].map(([name, { data }]) => [name, [...data]]));

const load = (model: DetectorModel, tensors: Tensors, options: ImportOptions, others: string[] = []) =>
  importModelWeights(model.parameters, { file: 'a.pth', tensors, others }, options);

const mismatch = (...parts: string[]) =>
  expect.objectContaining({
    code: 'PLB_TRAIN_WEIGHTS_MISMATCH',
    message: expect.stringMatching(new RegExp(parts.join('.*').replaceAll('[', '\\['))),
  });

function caught(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}

beforeAll(async () => {
  await loadEngine('wasm');
});

/** Names of the authors' release: stages of `bbox_head` from 0, convolutions of the neck in a module of their own. */
const authorsName = (name: string) =>
  name
    .replace(/^(neck\.\w+\.\d)/, '$1.conv')
    .replace(/^roi_head\.stage(\d)/, (_, stage) => `roi_head.bbox_head.${Number(stage) - 1}`)
    .replace('reg_branch', 'reg_fcs')
    .replace(/\.fc([12])\./, (_, layer) => `.${Number(layer) - 1}.`);

describe('importModelWeights', () => {
  it("loads the authors' layout", () => {
    const source = createModel(1);
    const target = createModel(2);
    const tensors = renamed(source, authorsName);
    expect([...tensors.keys()]).toContain('roi_head.bbox_head.2.reg_fcs.1.weight');
    expect([...tensors.keys()]).toContain('neck.lateral_convs.0.conv.weight');
    const report = load(target, tensors, { layout: 'mmdetection' });
    expect(report).toMatchObject({ unused: [], missing: [] });
    expect(values(target)).toEqual(values(source));
  });

  it("loads the convolutional branch of mmdetection's Double-Head", () => {
    const doubleHead = { kind: 'faster', regressors: 1, head: { fcChannels: 16, branch: 'conv' } };
    const source = createModel(1, doubleHead);
    const mmdetectionName = (name: string) =>
      authorsName(name)
        .replace('bbox_head.0', 'bbox_head')
        .replace('cls_fcs', 'fc_branch')
        .replace(/reg_fcs\.res\.(conv\w+)/, 'res_block.$1.conv')
        .replace(/reg_fcs\.res\.bn(\w+)/, (_, of) => `res_block.conv${of}.bn`)
        .replace('reg_fcs.bottlenecks', 'conv_branch');
    const tensors = renamed(source, mmdetectionName);
    for (const layer of ['res_block.conv_identity.bn.running_var', 'conv_branch.3.conv3.weight', 'fc_branch.1.bias'])
      expect([...tensors.keys()]).toContain(`roi_head.bbox_head.${layer}`);
    const counter: NamedTensor = { dtype: 'I64', shape: [], data: BigInt64Array.of(5n) };
    tensors.set('roi_head.bbox_head.res_block.conv1.bn.num_batches_tracked', counter);
    const target = createModel(2, doubleHead);
    expect(load(target, tensors, { layout: 'mmdetection' }).missing).toEqual([]);
    expect(values(target)).toEqual(values(source));
  });

  it('loads its own layout, and a single stage of mmdetection without a number', () => {
    const faster = { kind: 'faster', regressors: 1, head: { fcChannels: 16, shared: true } };
    const source = createModel(1, faster);
    const tensors = renamed(source, (name) => authorsName(name).replace('bbox_head.0', 'bbox_head'));
    expect([...tensors.keys()]).toContain('roi_head.bbox_head.shared_fcs.0.weight');
    const fromMmdetection = createModel(2, faster);
    load(fromMmdetection, tensors, { layout: 'mmdetection' });
    expect(values(fromMmdetection)).toEqual(values(source));
    const own = createModel(3, faster);
    load(
      own,
      renamed(source, (name) => name),
      { layout: 'plumbline' },
    );
    expect(values(own)).toEqual(values(source));
  });

  it('names a key that does not fit, its shape and the expected one, and loads nothing', () => {
    const source = createModel(1);
    const target = createModel(2);
    const before = values(target);
    const tensors = () => renamed(source, (name) => name);
    const bias = (length: number, value = 0): NamedTensor => ({
      dtype: 'F32',
      shape: [length],
      data: new Float32Array(length).fill(value),
    });
    const own = { layout: 'plumbline' } as const;
    const wrong = tensors().set('roi_head.stage1.fc_cls.bias', bias(91));
    expect(caught(() => load(target, wrong, own))).toEqual(mismatch('roi_head.stage1.fc_cls.bias', '[91]', '[3]'));
    const extra = tensors().set('neck.extra.bias', bias(8));
    expect(caught(() => load(target, extra, own))).toEqual(mismatch('neck.extra.bias', '[8]', 'no neck.extra.bias'));
    const less = tensors();
    less.delete('rpn_head.rpn_cls.bias');
    expect(caught(() => load(target, less, own))).toEqual(mismatch('rpn_head.rpn_cls.bias', 'absent', '[3]'));
    const infinite = tensors().set('rpn_head.rpn_cls.bias', bias(3, Number.NaN));
    expect(caught(() => load(target, infinite, { ...own, partial: true }))).toEqual(
      mismatch('rpn_head.rpn_cls.bias', 'not finite'),
    );
    const strange = new Map([['encoder.weight', bias(8)]]);
    expect(caught(() => load(target, strange, { ...own, partial: true }))).toEqual(
      mismatch('backbone.conv1', 'absent'),
    );
    expect(values(target)).toEqual(before);
  });

  it('says which keys it left out and which parameters are as before when asked to load a part', () => {
    const target = createModel(2);
    const before = values(target);
    const tensors = renamed(createModel(1), authorsName);
    tensors.delete('rpn_head.rpn_cls.bias');
    const classifier: NamedTensor = { dtype: 'F32', shape: [81], data: new Float32Array(81) };
    tensors.set('roi_head.bbox_head.0.fc_cls.bias', classifier);
    const counter: NamedTensor = { dtype: 'I64', shape: [], data: BigInt64Array.of(5n) };
    tensors.set('backbone.bn1.num_batches_tracked', counter);
    const { unused, missing, loaded } = load(target, tensors, { layout: 'mmdetection', partial: true }, ['epoch']);
    expect(unused).toEqual([
      { key: 'epoch', shape: [], reason: 'no tensor' },
      { key: 'roi_head.bbox_head.0.fc_cls.bias', shape: [81], reason: '[3] of floating type' },
      { key: 'backbone.bn1.num_batches_tracked', shape: [], reason: 'a counter of training' },
    ]);
    expect(missing.map(({ parameter }) => parameter)).toEqual(['rpn_head.rpn_cls.bias', 'roi_head.stage1.fc_cls.bias']);
    expect(loaded).toHaveLength(target.parameters.length - 2);
    for (const { parameter } of missing) expect(values(target)[parameter]).toEqual(before[parameter]);
  });

  it('refuses two keys for one parameter', () => {
    const tensors = renamed(createModel(1), (name) => name);
    tensors.set('neck.lateral_convs.0.conv.bias', tensors.get('neck.lateral_convs.0.bias')!);
    const stages = [...tensors].map(([name, tensor]): [string, NamedTensor] => [
      name.startsWith('roi_head') ? authorsName(name) : name,
      tensor,
    ]);
    expect(caught(() => load(createModel(2), new Map(stages), { layout: 'mmdetection' }))).toEqual(
      mismatch('neck.lateral_convs.0.conv.bias', 'the same parameter'),
    );
  });

  it('moves another epsilon of batch norm into the variances', () => {
    const source = createModel(1);
    const target = createModel(2);
    const tensors = renamed(source, (name) => name);
    load(target, tensors, { layout: 'plumbline', epsilon: 0 });
    const name = 'backbone.bn1.running_var';
    expect(values(target)[name]).toEqual(values(source)[name]!.map((value) => Math.fround(value - 1e-5)));
    expect(values(target)['backbone.bn1.weight']).toEqual(values(source)['backbone.bn1.weight']);
  });
});

describe('writeImportedModel', () => {
  const dir = mkdtempSync(join(tmpdir(), 'plumbline-import-'));
  afterAll(() => rmSync(dir, { recursive: true }));

  it('writes a checkpoint that opens like a trained one, once', () => {
    const model = createModel(1);
    const report = { loaded: [], unused: [], missing: [] };
    const out = join(dir, 'model');
    writeImportedModel(out, model, { file: 'a.pth', layout: 'mmdetection' }, report);
    const { header, checkpointDir } = readCheckpointHeader(out);
    const opened = createDetectorModel({ ...header.config, seed: 9 }, header.classes);
    loadWeights(checkpointDir, opened);
    expect(header.step).toBe(0);
    expect(values(opened)).toEqual(values(model));
    const again = () => writeImportedModel(out, model, { file: 'a.pth', layout: 'mmdetection' }, report);
    expect(caught(again)).toEqual(expect.objectContaining({ code: 'PLB_TRAIN_OUT_IN_USE' }));
  });
});

describe('targetOf', () => {
  it.each([
    ['backbone.body.layer1.0.bn1.running_mean', 'backbone.layer1.0.bn1.running_mean'],
    ['layer4.2.downsample.1.weight', 'backbone.layer4.2.downsample.1.weight'],
    ['backbone.fpn.inner_blocks.3.0.weight', 'neck.lateral_convs.3.weight'],
    ['backbone.fpn.inner_blocks.3.weight', 'neck.lateral_convs.3.weight'],
    ['backbone.fpn.layer_blocks.0.bias', 'neck.fpn_convs.0.bias'],
    ['rpn.head.conv.0.0.bias', 'rpn_head.rpn_conv.bias'],
    ['rpn.head.conv.bias', 'rpn_head.rpn_conv.bias'],
    ['rpn.head.bbox_pred.weight', 'rpn_head.rpn_reg.weight'],
    ['roi_heads.box_head.fc7.bias', 'roi_head.stage1.shared_fcs.fc2.bias'],
  ])("puts torchvision's %s to %s", (key, name) => {
    expect(targetOf(key, 'torchvision')).toEqual({ name });
  });

  it('leaves keys of tasks that this detector does not have by name, and knows no others', () => {
    expect(targetOf('fc.weight', 'torchvision')).toEqual({ ignored: 'the classifier of ImageNet' });
    expect(targetOf('roi_heads.mask_head.mask_fcn1.weight', 'torchvision')).toHaveProperty('ignored');
    expect(targetOf('roi_heads.box_head.fc8.weight', 'torchvision')).toBeUndefined();
    expect(targetOf('bbox_head.fc_cls.weight', 'mmdetection')).toBeUndefined();
  });
});
