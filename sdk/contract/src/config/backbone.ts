import { z } from 'zod';

const says = (description: string) => ({ description });

/** Blocks of the named backbones. Source: He et al. (arXiv:1512.03385), table 1; Xie et al. (arXiv:1611.05431), table 1. */
const presets = {
  resnet18: { block: 'basic', blocks: [2, 2, 2, 2], groups: 1, baseWidth: 64 },
  resnet34: { block: 'basic', blocks: [3, 4, 6, 3], groups: 1, baseWidth: 64 },
  resnet50: { block: 'bottleneck', blocks: [3, 4, 6, 3], groups: 1, baseWidth: 64 },
  resnet101: { block: 'bottleneck', blocks: [3, 4, 23, 3], groups: 1, baseWidth: 64 },
  'resnext101-32x4d': { block: 'bottleneck', blocks: [3, 4, 23, 3], groups: 32, baseWidth: 4 },
  'resnext101-64x4d': { block: 'bottleneck', blocks: [3, 4, 23, 3], groups: 64, baseWidth: 4 },
} satisfies Record<string, { block: BlockKind; blocks: StageBlocks; groups: number; baseWidth: number }>;

type BlockKind = 'basic' | 'bottleneck';
type StageBlocks = [number, number, number, number];
export type BackbonePreset = keyof typeof presets;

/** What a preset and the settings that override it come to. */
export interface BackboneConfig {
  readonly preset: BackbonePreset;
  readonly block: BlockKind;
  /** Residual blocks of C2 to C5. */
  readonly blocks: StageBlocks;
  /** Channels of the stem; a stage's planes are this times 1, 2, 4, 8. */
  readonly width: number;
  readonly groups: number;
  readonly baseWidth: number;
  readonly norm: 'batch' | 'frozenBatch' | 'group';
  /** Present with `norm: group` only. */
  readonly groupNormGroups?: number;
  readonly frozenStages: number;
}

const count = z.int().min(1);

/** `model.backbone`: a named layout, the settings that differ from it, and how it is normalised. */
export const backboneConfigSchema = z
  .strictObject({
    preset: z
      .enum(Object.keys(presets) as [BackbonePreset, ...BackbonePreset[]])
      .default('resnet18')
      .meta(says('Named layout that gives block, blocks, groups and baseWidth where they are absent.')),
    block: z
      .enum(['basic', 'bottleneck'])
      .optional()
      .meta(says('basic: two 3x3 convolutions; bottleneck: 1x1, 3x3 and 1x1 to four times the channels.')),
    blocks: z
      .tuple([count, count, count, count])
      .optional()
      .meta(says('Residual blocks of the stages C2 to C5; those of the preset when absent (ResNet-18: 2, 2, 2, 2).')),
    width: z
      .int()
      .min(4)
      .max(256)
      .default(64)
      .meta(
        says(
          'Channels of the stem and of the first stage, doubled at each later one; 64 in every published ResNet. A bottleneck ends in four times as many.',
        ),
      ),
    groups: count
      .max(256)
      .optional()
      .meta(says('Groups of the 3x3 convolution of a bottleneck; ResNeXt has 32 or 64.')),
    baseWidth: count
      .max(256)
      .optional()
      .meta(says('Channels of a group in the first stage when width is 64: 4 in ResNeXt-101-32x4d, 64 in a ResNet.')),
    norm: z
      .enum(['batch', 'frozenBatch', 'group'])
      .default('batch')
      .meta(
        says(
          'batch: statistics of each batch, for nets trained from scratch; frozenBatch: the stored statistics stay and scale and offset are trained, for pretrained nets; group: statistics of each image, for small batches.',
        ),
      ),
    groupNormGroups: count
      .max(256)
      .optional()
      .meta(says('Channel groups of norm: group, which must divide every channel count; 32 when absent.')),
    frozenStages: z
      .int()
      .min(0)
      .max(4)
      .default(0)
      .meta(says('Stages that are not trained at all: 0 none; 1 the stem and the stage of C2, as the paper; 4 all.')),
  })
  .transform((value, context): BackboneConfig => {
    const { groupNormGroups, ...given } = value;
    const resolved = { ...presets[value.preset], ...withoutAbsent(given) } as BackboneConfig;
    const config =
      value.norm === 'group' ? { ...resolved, groupNormGroups: groupNormGroups ?? 32 } : (resolved as BackboneConfig);
    const problem = problemOf(config) ?? (value.norm === 'group' ? undefined : unusedGroups(groupNormGroups));
    if (problem) context.addIssue({ code: 'custom', path: [problem.key], message: problem.message, input: value });
    return config;
  });

function withoutAbsent<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as Partial<T>;
}

interface Problem {
  readonly key: keyof BackboneConfig;
  readonly message: string;
}

function unusedGroups(groups: number | undefined): Problem | undefined {
  return groups === undefined
    ? undefined
    : { key: 'groupNormGroups', message: 'needs norm: group; batch norm has no groups' };
}

function problemOf(config: BackboneConfig): Problem | undefined {
  const { block, groups, baseWidth, groupNormGroups } = config;
  if (block === 'basic' && groups !== 1)
    return { key: 'groups', message: 'a basic block has no groups; use block: bottleneck' };
  if (block === 'basic' && baseWidth !== 64)
    return { key: 'baseWidth', message: 'a basic block has no base width; use block: bottleneck' };
  const shapes = backboneStages(config);
  if (shapes.some(({ inner }) => inner < 1))
    return { key: 'baseWidth', message: `leaves no channel in a group: width * baseWidth / 64 is below 1` };
  const counts = [config.width, ...shapes.flatMap(({ inner, outputs }) => [inner, outputs])];
  const odd = groupNormGroups === undefined ? undefined : counts.find((channels) => channels % groupNormGroups !== 0);
  if (odd !== undefined)
    return { key: 'groupNormGroups', message: `${groupNormGroups} groups do not divide ${odd} channels` };
  return undefined;
}

/** Channels of one stage: inside its blocks and after each. */
export interface BackboneStage {
  readonly inner: number;
  readonly outputs: number;
}

/** Stages C2 to C5. Source: torchvision resnet.py, `int(planes * (base_width / 64)) * groups` and an expansion of 4. */
export function backboneStages(
  config: Pick<BackboneConfig, 'block' | 'width' | 'groups' | 'baseWidth'>,
): BackboneStage[] {
  return [1, 2, 4, 8].map((factor) => {
    const planes = config.width * factor;
    if (config.block === 'basic') return { inner: planes, outputs: planes };
    return { inner: Math.floor((planes * config.baseWidth) / 64) * config.groups, outputs: 4 * planes };
  });
}
