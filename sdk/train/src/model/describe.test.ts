import { modelConfigSchema } from '@plumbline/contract';
import { describe, expect, it } from 'vitest';
import { describeModel } from './describe.js';
import { paperConfigurations } from './paper-configurations.js';

// Reference counts: torchvision and mmdetection models of the same shape, C = 80, stem and C2 frozen.
const frozen = { norm: 'frozenBatch', frozenStages: 1 };
const r50 = { backbone: { preset: 'resnet50', ...frozen } };
const r101 = { backbone: { preset: 'resnet101', ...frozen } };
const faster = { kind: 'faster', regressors: 1, head: { shared: true } };
const cascade = { kind: 'cascade', regressors: 3, head: { shared: true } };
const doubleHead = { ...r50, kind: 'decoupled', regressors: 3, head: { branch: 'conv' } };
const decoupled = (regressors: number) => ({ kind: 'decoupled', regressors });

const at = (model: object, sizeHw: [number, number] = [800, 1280], classes = 80) =>
  describeModel(modelConfigSchema.parse(model), { classes, sizeHw, proposals: 1000 });
const giga = (value: number) => Number((value / 1e9).toFixed(1));

describe('describeModel', () => {
  it.each([
    ['Faster R-CNN', { ...r50, ...faster }, 41_753_056, 41_527_712, 206.3, 215.1],
    ['Faster R-CNN, unshared', { ...r50, ...faster, head: { shared: false } }, 55_648_736, 55_423_392, 220.2, 228.9],
    ['Decoupled R-CNN, n = 1', { ...r50, ...decoupled(1) }, 55_648_736, 55_423_392, 220.2, 228.9],
    ['Cascade R-CNN', { ...r50, ...cascade }, 69_394_766, 69_169_422, 234.0, 242.7],
    ['Decoupled R-CNN, n = 2', { ...r50, ...decoupled(2) }, 69_548_516, 69_323_172, 234.1, 242.8],
    ['Decoupled R-CNN, n = 3', { ...r50, ...decoupled(3) }, 83_448_296, 83_222_952, 248.0, 256.7],
    ['Decoupled R-CNN, n = 4', { ...r50, ...decoupled(4) }, 97_348_076, 97_122_732, 261.9, 270.6],
    [
      'Decoupled R-CNN, n = 3, a classifier per stage',
      { ...r50, ...decoupled(3), classifiers: 'perStage' },
      111_405_706,
      111_180_362,
      276.0,
      284.7,
    ],
  ])('counts %s with ResNet-50', (_, model, total, trainable, gmac, gmacWide) => {
    const described = at(model);
    expect(described.parameters).toEqual({ total, trainable });
    expect(giga(described.macs)).toBe(gmac);
    expect(giga(at(model, [800, 1333]).macs)).toBe(gmacWide);
    const parts = Object.values(described.parts);
    expect(parts.reduce((sum, part) => sum + part.parameters.total, 0)).toBe(total);
    expect(parts.reduce((sum, part) => sum + part.macs, 0)).toBe(described.macs);
  });

  it.each([
    ['Faster R-CNN', { ...r101, ...faster }, 60.52],
    ['Decoupled R-CNN, n = 1', { ...r101, ...decoupled(1) }, 74.42],
    ['Cascade R-CNN', { ...r101, ...cascade }, 88.16],
    ['Decoupled R-CNN, n = 3', { ...r101, ...decoupled(3) }, 102.22],
  ])('counts the trainable parameters of %s with ResNet-101', (_, model, millions) => {
    expect(Number((at(model).parameters.trainable / 1e6).toFixed(2))).toBe(millions);
  });

  it.each([
    [faster, 28.3],
    [decoupled(1), 42.2],
    [decoupled(2), 56.1],
    [decoupled(3), 70.0],
  ])('counts %o with ResNet-18 and six classes', (model, millions) => {
    expect(Number((at(model, [800, 1280], 6).parameters.total / 1e6).toFixed(1))).toBe(millions);
  });

  it('counts one branch of two fully connected layers', () => {
    const { branches } = at({ ...r50, ...decoupled(2) });
    expect(branches.map(({ name }) => name)).toEqual(['stage1.cls_fcs', 'stage1.reg_branch', 'stage2.reg_branch']);
    for (const { parameters, macsPerRoi } of branches) {
      expect(parameters).toBe(13_895_680);
      expect(macsPerRoi).toBe(13_893_632);
    }
  });

  it('counts the convolutional branch of Double-Head, at every stage', () => {
    const { branches } = at(doubleHead);
    expect(branches.map(({ name }) => name)).toEqual([
      'stage1.cls_fcs',
      'stage1.reg_branch',
      'stage2.reg_branch',
      'stage3.reg_branch',
    ]);
    for (const { parameters, macsPerRoi } of branches.slice(1)) {
      expect(parameters).toBe(5_587_456);
      expect(macsPerRoi).toBe(272_957_440);
    }
  });

  it.each([
    ['resnet18', 11_689_512 - 513_000],
    ['resnet34', 21_797_672 - 513_000],
    ['resnet50', 25_557_032 - 2_049_000],
    ['resnet101', 44_549_160 - 2_049_000],
    ['resnext101-32x4d', 44_177_704 - 2_049_000],
    ['resnext101-64x4d', 83_455_272 - 2_049_000],
  ])('counts the published %s without its classifier of 1000 classes', (preset, parameters) => {
    expect(at({ backbone: { preset } }).parts.backbone.parameters.total).toBe(parameters);
  });

  it('counts group norm as batch norm, whose running statistics are no parameters', () => {
    const batch = at({ backbone: { preset: 'resnet50' } }).parameters;
    expect(at({ backbone: { preset: 'resnet50', norm: 'group' } }).parameters).toEqual(batch);
  });

  it('counts every configuration of the paper, each under a name of its own', () => {
    const configurations = paperConfigurations();
    expect(new Set(configurations.map(({ name }) => name)).size).toBe(configurations.length);
    const totals = new Map(
      configurations.map(({ name, model, classes }) => [name, at(model, [800, 1280], classes).parameters.total]),
    );
    expect(totals.get('faster-r50')).toBe(41_753_056);
    expect(totals.get('decoupled-n3-r50')).toBe(83_448_296);
    expect(totals.get('decoupled-n3-r101')).toBe(102_440_424);
  });
});
