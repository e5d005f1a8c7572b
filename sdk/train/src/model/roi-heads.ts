/** Shapes in this module: R regions, C foreground classes (background = C), F pooled features. */
import type * as tf from '@tensorflow/tfjs-core';
import { dense, relu } from './layers.js';
import { type DenseParameters, normal, type ParameterStore, xavierUniform } from './parameters.js';

/** Two fully connected layers with ReLU. */
export interface BranchParameters {
  readonly fc1: DenseParameters;
  readonly fc2: DenseParameters;
}

export interface RoiHeadParameters {
  readonly classification: { readonly branch: BranchParameters; readonly logits: DenseParameters };
  /** One per regressor; the first predicts 4C class-specific deltas, later ones 4 class-agnostic. */
  readonly regressors: readonly { readonly branch: BranchParameters; readonly deltas: DenseParameters }[];
}

export interface RoiHeadShape {
  readonly classes: number;
  readonly channels: number;
  readonly roiSize: number;
  readonly fcChannels: number;
  readonly regressors: number;
  /** The first stage's two branches use the same two layers (Faster R-CNN). */
  readonly shared: boolean;
}

/** Source: Decoupled R-CNN sections III-A and III-D; initialisation as mmdetection 2.4. */
export function createRoiHeads(store: ParameterStore, shape: RoiHeadShape): RoiHeadParameters {
  const { classes, channels, roiSize, fcChannels } = shape;
  const branch = (path: string): BranchParameters => ({
    fc1: store.dense(`${path}.fc1`, roiSize * roiSize * channels, fcChannels, xavierUniform, roiSize),
    fc2: store.dense(`${path}.fc2`, fcChannels, fcChannels, xavierUniform),
  });
  const first = shape.shared ? branch('roi_head.stage1.shared_fcs') : branch('roi_head.stage1.cls_fcs');
  const classification = {
    branch: first,
    logits: store.dense('roi_head.stage1.fc_cls', fcChannels, classes + 1, normal(0.01)),
  };
  const regressors = Array.from({ length: shape.regressors }, (_, k) => ({
    branch: k === 0 && shape.shared ? first : branch(`roi_head.stage${k + 1}.reg_branch`),
    deltas: store.dense(`roi_head.stage${k + 1}.fc_reg`, fcChannels, k === 0 ? 4 * classes : 4, normal(0.001)),
  }));
  return { classification, regressors };
}

/** [R, F] -> [R, fcChannels] */
export function runBranch(features: tf.Tensor2D, branch: BranchParameters): tf.Tensor2D {
  return relu(dense(relu(dense(features, branch.fc1)), branch.fc2));
}
