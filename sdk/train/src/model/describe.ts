/**
 * Counts of a model from shapes alone: no weight is allocated and no engine needed.
 * MAC: multiply-accumulates of convolutions and fully connected layers for one image; norms, activations, pooling and
 * suppression are left out, as in the counts that papers print.
 */
import type { ModelConfig } from '@plumbline/contract';
import type { BackboneParameters } from './backbone.js';
import { createModelParts } from './detector-model.js';
import type { FpnParameters } from './fpn.js';
import { type ConvParameters, type Parameter, ParameterStore } from './parameters.js';
import type { ConvNormParameters } from './residual-block.js';
import type { RpnParameters } from './rpn.js';

type SizeHw = readonly [height: number, width: number];

export interface ParameterCount {
  /** Without running statistics. */
  readonly total: number;
  /** Those that training changes. */
  readonly trainable: number;
}

export interface PartDescription {
  readonly parameters: ParameterCount;
  readonly macs: number;
}

/** Layers that one region passes through, for example `stage1.cls_fcs`; what precedes or follows them is not in it. */
export interface BranchDescription {
  readonly name: string;
  readonly parameters: number;
  readonly macsPerRoi: number;
}

export interface ModelDescription extends PartDescription {
  readonly parts: Readonly<Record<'backbone' | 'fpn' | 'rpn' | 'heads', PartDescription>>;
  readonly branches: readonly BranchDescription[];
}

export interface DescribeOptions {
  readonly classes: number;
  /** Height and width in px; sides that are no multiples of 32 are counted with their maps rounded up. */
  readonly sizeHw: SizeHw;
  /** Regions that pass through every stage. */
  readonly proposals: number;
}

const partPrefixes = { backbone: 'backbone.', fpn: 'neck.', rpn: 'rpn_head.', heads: 'roi_head.' } as const;

/** Counts parameters and MAC of a configuration by creating its parameters as shapes. */
export function describeModel(config: ModelConfig, options: DescribeOptions): ModelDescription {
  const store = ParameterStore.ofShapes();
  const model = createModelParts(store, config, options.classes);
  const backbone = backboneMacs(model.backbone, options.sizeHw);
  const branches = describeBranches(store.parameters, config.head.roiSize);
  const headMacs = layersOf(store.parameters).reduce((sum, layer) => sum + macsPerRoi(layer, config.head.roiSize), 0);
  const macs = {
    backbone: backbone.macs,
    fpn: fpnMacs(model.fpn, backbone.sizes),
    rpn: rpnMacs(model.rpn, backbone.sizes),
    heads: headMacs * options.proposals,
  };
  const part = (name: keyof typeof partPrefixes): PartDescription => ({
    parameters: count(store.parameters.filter((parameter) => parameter.name.startsWith(partPrefixes[name]))),
    macs: macs[name],
  });
  return {
    parameters: count(store.parameters),
    macs: macs.backbone + macs.fpn + macs.rpn + macs.heads,
    parts: { backbone: part('backbone'), fpn: part('fpn'), rpn: part('rpn'), heads: part('heads') },
    branches,
  };
}

const elements = (parameter: Parameter) => parameter.shape.reduce((product, side) => product * side, 1);

function count(parameters: readonly Parameter[]): ParameterCount {
  const sum = (list: readonly Parameter[]) => list.reduce((total, parameter) => total + elements(parameter), 0);
  return {
    total: sum(parameters.filter((parameter) => !parameter.isStatistic)),
    trainable: sum(parameters.filter((parameter) => parameter.trainable)),
  };
}

/** A convolution multiplies each of its weights once per output position, in groups or not. */
const convMacs = ({ weight }: ConvParameters, [height, width]: SizeHw) => elements(weight) * height * width;

/** Odd kernels with a padding of (kernel - 1) / 2, and the 3x3 max pooling, divide a side and round up. */
const strided = ([height, width]: SizeHw, stride: number): SizeHw => [
  Math.ceil(height / stride),
  Math.ceil(width / stride),
];

/** @returns MAC, and the sizes of C2..C5 */
function backboneMacs({ stem, stages }: BackboneParameters, imageHw: SizeHw): { macs: number; sizes: SizeHw[] } {
  let macs = 0;
  const pass = (layer: ConvNormParameters, size: SizeHw): SizeHw => {
    const output = strided(size, layer.stride);
    macs += convMacs(layer.conv, output);
    return output;
  };
  let size = strided(pass(stem, imageHw), 2);
  const sizes = stages.map((blocks) => {
    for (const { layers, downsample } of blocks) {
      if (downsample) pass(downsample, size);
      size = layers.reduce((current, layer) => pass(layer, current), size);
    }
    return size;
  });
  return { macs, sizes };
}

function fpnMacs({ lateral, output }: FpnParameters, sizes: readonly SizeHw[]): number {
  return sizes.reduce((sum, size, i) => sum + convMacs(lateral[i]!, size) + convMacs(output[i]!, size), 0);
}

function rpnMacs({ conv, objectness, deltas }: RpnParameters, sizes: readonly SizeHw[]): number {
  const levels = [...sizes, strided(sizes.at(-1)!, 2)];
  return levels.reduce(
    (sum, size) => sum + [conv, objectness, deltas].reduce((level, layer) => level + convMacs(layer, size), 0),
    0,
  );
}

/** Weights of the heads that multiply: each is used once by every region. */
const layersOf = (parameters: readonly Parameter[]) =>
  parameters.filter(({ name, kind }) => name.startsWith(partPrefixes.heads) && kind !== 'vector');

/** Convolutions of a head keep the pooled map's size. */
const macsPerRoi = (layer: Parameter, roiSize: number) =>
  elements(layer) * (layer.kind === 'conv' ? roiSize * roiSize : 1);

function describeBranches(parameters: readonly Parameter[], roiSize: number): BranchDescription[] {
  const branches = new Map<string, Parameter[]>();
  for (const parameter of parameters) {
    const [part, stage, branch, ...inside] = parameter.name.split('.');
    if (part !== 'roi_head' || inside.length < 2) continue;
    const name = `${stage}.${branch}`;
    branches.set(name, [...(branches.get(name) ?? []), parameter]);
  }
  return [...branches].map(([name, own]) => ({
    name,
    parameters: count(own).total,
    macsPerRoi: layersOf(own).reduce((sum, layer) => sum + macsPerRoi(layer, roiSize), 0),
  }));
}
