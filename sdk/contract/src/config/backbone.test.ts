import { describe, expect, it } from 'vitest';
import { backboneConfigSchema, backboneStages } from './backbone.js';

const parse = (value: object) => backboneConfigSchema.parse(value);

describe('backboneConfigSchema', () => {
  it('is a ResNet-18 with trained batch norm when nothing is said', () => {
    expect(parse({})).toEqual({
      preset: 'resnet18',
      block: 'basic',
      blocks: [2, 2, 2, 2],
      width: 64,
      groups: 1,
      baseWidth: 64,
      norm: 'batch',
      frozenStages: 0,
    });
  });

  it('takes from the preset what is absent, and gives the same again for what it gave', () => {
    const config = parse({ preset: 'resnext101-32x4d', blocks: [1, 1, 1, 1], norm: 'group', groupNormGroups: 16 });
    expect(config).toMatchObject({ block: 'bottleneck', blocks: [1, 1, 1, 1], groups: 32, baseWidth: 4 });
    expect(parse(config)).toEqual(config);
  });

  it.each([
    ['groups', { groups: 2 }, 'a basic block has no groups'],
    ['baseWidth', { baseWidth: 4 }, 'a basic block has no base width'],
    ['baseWidth', { block: 'bottleneck', width: 8, baseWidth: 4 }, 'below 1'],
    ['groupNormGroups', { groupNormGroups: 8 }, 'needs norm: group'],
    ['groupNormGroups', { norm: 'group', width: 24 }, '32 groups do not divide 24 channels'],
  ])('refuses %s in %o', (key, value, message) => {
    const { error } = backboneConfigSchema.safeParse(value);
    expect(error!.issues).toMatchObject([{ path: [key], message: expect.stringContaining(message) }]);
  });
});

describe('backboneStages', () => {
  it.each([
    [
      { preset: 'resnet34' },
      [
        [64, 64],
        [128, 128],
        [256, 256],
        [512, 512],
      ],
    ],
    [
      { preset: 'resnet50', width: 16 },
      [
        [16, 64],
        [32, 128],
        [64, 256],
        [128, 512],
      ],
    ],
    [
      { preset: 'resnext101-64x4d' },
      [
        [256, 256],
        [512, 512],
        [1024, 1024],
        [2048, 2048],
      ],
    ],
  ])('gives inner and outer channels of %o', (value, channels) => {
    expect(backboneStages(parse(value)).map(({ inner, outputs }) => [inner, outputs])).toEqual(channels);
  });
});
