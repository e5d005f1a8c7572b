import type { ModelConfig } from '@plumbline/contract';
import type { DecodeOptions } from './box-coder.js';
import type { RoiLevelRule } from './roi-level.js';

/** Details in which detector libraries differ; weights work only with those that they were trained with. */
export interface Conventions {
  /** Base anchors are rounded to integers, and cells are a whole number of px apart. */
  readonly roundedAnchors: boolean;
  readonly clamp: NonNullable<DecodeOptions['clamp']>;
  readonly levelRule: RoiLevelRule;
  /** Boxes with a shorter side, px of the network input, are dropped before suppression; 0 keeps all. */
  readonly minProposalSide: number;
  readonly minDetectionSide: number;
}

/** Source: decoupled-rcnn specification, section 3.1. */
export const conventions: Readonly<Record<ModelConfig['conventions'], Conventions>> = {
  mmdetection: {
    roundedAnchors: false,
    clamp: 'both',
    levelRule: 'mmdetection',
    minProposalSide: 0,
    minDetectionSide: 0,
  },
  torchvision: {
    roundedAnchors: true,
    clamp: 'above',
    levelRule: 'torchvision',
    minProposalSide: 1e-3,
    minDetectionSide: 1e-2,
  },
};

/** Whether both sides of box `i` are at least `side` px. */
export function isAtLeast(boxesXyxy: Float32Array, i: number, side: number): boolean {
  const at = 4 * i;
  return boxesXyxy[at + 2]! - boxesXyxy[at]! >= side && boxesXyxy[at + 3]! - boxesXyxy[at + 1]! >= side;
}
