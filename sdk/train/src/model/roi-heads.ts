/** Shapes in this module: R regions, C foreground classes (background = C), S = pooled side, F = S * S * channels. */
import { hasStageClassifiers, type ModelConfig } from '@plumbline/contract';
import type * as tf from '@tensorflow/tfjs-core';
import { inWholeBlocks } from '../engines/index.js';
import { type ConvBranchParameters, createConvBranch, runConvBranch } from './conv-branch.js';
import { dense, type ForwardContext, relu } from './layers.js';
import { type DenseParameters, normal, type ParameterStore, torchUniform, xavierUniform, zeros } from './parameters.js';

/** Two fully connected layers with ReLU. */
export interface BranchParameters {
  readonly fc1: DenseParameters;
  readonly fc2: DenseParameters;
}

export interface ClassifierParameters {
  readonly branch: BranchParameters;
  readonly logits: DenseParameters;
}

export interface RegressorParameters {
  readonly branch: BranchParameters | ConvBranchParameters;
  readonly deltas: DenseParameters;
  /** Four outputs per class instead of four. */
  readonly isClassSpecific: boolean;
}

export interface RoiHeadParameters {
  /** One, or one per regressor. */
  readonly classifiers: readonly ClassifierParameters[];
  readonly regressors: readonly RegressorParameters[];
}

/**
 * Stage by stage: classifier (the first stage, or every one), then regressor.
 * Source: Decoupled R-CNN sections III-A and III-D; Cascade R-CNN (arXiv:1712.00726) section 4; Double-Head
 * (arXiv:1904.06493) section 4; initialisation as mmdetection 2.4.
 */
export function createRoiHeads(store: ParameterStore, model: ModelConfig, classes: number): RoiHeadParameters {
  const { roiSize, fcChannels, shared, branch, firstRegressor, laterInit } = model.head;
  const { channels } = model.fpn;
  const fcBranch = (path: string, isTorch = false): BranchParameters => {
    const weightInit = isTorch ? torchUniform : xavierUniform;
    const biasInit = isTorch ? torchUniform : zeros;
    return {
      fc1: store.dense(`${path}.fc1`, roiSize * roiSize * channels, fcChannels, weightInit, {
        mapSize: roiSize,
        biasInit,
      }),
      fc2: store.dense(`${path}.fc2`, fcChannels, fcChannels, weightInit, { biasInit }),
    };
  };
  const classifiers: ClassifierParameters[] = [];
  const regressors: RegressorParameters[] = [];
  for (let k = 0; k < model.regressors; k++) {
    const path = `roi_head.stage${k + 1}`;
    const isClassified = k === 0 || hasStageClassifiers(model);
    if (isClassified) {
      classifiers.push({
        branch: fcBranch(`${path}.${shared ? 'shared_fcs' : 'cls_fcs'}`),
        logits: store.dense(`${path}.fc_cls`, fcChannels, classes + 1, normal(0.01)),
      });
    }
    const isClassSpecific = k === 0 && model.kind !== 'cascade' && firstRegressor === 'classSpecific';
    const isShared = isClassified && shared;
    const own = () =>
      branch === 'conv'
        ? createConvBranch(store, `${path}.reg_branch`, channels, roiSize)
        : fcBranch(`${path}.reg_branch`, k > 0 && laterInit === 'torch');
    const regression = isShared ? classifiers[k]!.branch : own();
    const features = 'outputs' in regression ? regression.outputs : fcChannels;
    const outputs = isClassSpecific ? 4 * classes : 4;
    const deltas = store.dense(`${path}.fc_reg`, features, outputs, normal(0.001));
    regressors.push({ branch: regression, deltas, isClassSpecific });
  }
  return { classifiers, regressors };
}

/** [R, F] -> [R, C + 1] */
export function runClassifier(features: tf.Tensor2D, { branch, logits }: ClassifierParameters): tf.Tensor2D {
  return inWholeBlocks(features, (rows) => dense(runBranch(rows, branch), logits));
}

/** [R, F] -> [R, 4C] or [R, 4] */
export function runRegressor(
  features: tf.Tensor2D,
  { branch, deltas }: RegressorParameters,
  context: ForwardContext,
): tf.Tensor2D {
  if ('outputs' in branch) return dense(runConvBranch(features, branch, context), deltas);
  return inWholeBlocks(features, (rows) => dense(runBranch(rows, branch), deltas));
}

function runBranch(features: tf.Tensor2D, branch: BranchParameters): tf.Tensor2D {
  return relu(dense(relu(dense(features, branch.fc1)), branch.fc2));
}
