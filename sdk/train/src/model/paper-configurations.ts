import { type ModelConfig, modelConfigSchema } from '@plumbline/contract';

export interface NamedModel {
  /** For example `decoupled-n3-r101`. */
  readonly name: string;
  readonly classes: number;
  readonly model: ModelConfig;
}

type ModelInput = Partial<Record<keyof ModelConfig, unknown>>;

const backbones = {
  r50: 'resnet50',
  r101: 'resnet101',
  'x101-32x4d': 'resnext101-32x4d',
  'x101-64x4d': 'resnext101-64x4d',
} as const;

const decoupled = (regressors: number): ModelInput => ({ kind: 'decoupled', regressors });
const faster = (shared: boolean): ModelInput => ({ kind: 'faster', regressors: 1, head: { shared } });

/** Systems that Decoupled R-CNN is compared with and its own variants, by the tables that first show them. */
const variants: Readonly<Record<string, ModelInput>> = {
  faster: faster(true), // Table I
  'faster-unshared': faster(false), // Table II
  'decoupled-shared-n1': { ...decoupled(1), head: { shared: true } }, // Table II
  'decoupled-n1': decoupled(1), // Tables III and IV
  'decoupled-n2': decoupled(2), // Table IV
  'decoupled-n3': decoupled(3), // Tables IV to IX
  'decoupled-n4': decoupled(4), // Table IV
  cascade: { kind: 'cascade', regressors: 3, head: { shared: true } }, // Tables VIII and X
  'decoupled-n3-cls3': { ...decoupled(3), classifiers: 'perStage' }, // Table X
  'double-head-n1': { ...decoupled(1), head: { branch: 'conv' } }, // Table XI
  'double-head-n3': { ...decoupled(3), head: { branch: 'conv' } }, // Table XI
};

/** COCO's; VOC has 20. */
const cocoClasses = 80;
/** DeepPCB's and NEU-DET's. */
const inspectionClasses = 6;

/**
 * The shapes of the networks of Tables I to XI on every backbone of the paper, trained from pretrained weights (fixed
 * statistics, stem and C2 frozen), and on ResNet-18 for six kinds of defect, trained from scratch. What differs only in
 * thresholds, losses or schedules has the same shape.
 * Source: Wang et al., "Decoupled R-CNN", IEEE TCSVT 2022, section IV.
 */
export function paperConfigurations(): NamedModel[] {
  const pretrained = { norm: 'frozenBatch', frozenStages: 1 };
  return [
    ...Object.entries(backbones).flatMap(([suffix, preset]) => named(suffix, { preset, ...pretrained }, cocoClasses)),
    ...named('r18', { preset: 'resnet18' }, inspectionClasses),
  ];
}

function named(suffix: string, backbone: object, classes: number): NamedModel[] {
  return Object.entries(variants).map(([name, variant]) => ({
    name: `${name}-${suffix}`,
    classes,
    model: modelConfigSchema.parse({ ...variant, backbone }),
  }));
}
