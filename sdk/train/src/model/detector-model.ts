import type { TrainConfig } from '@plumbline/contract';
import { levelAnchors, pyramidSizesHw, pyramidStrides } from '@plumbline/core/geometry';
import { createRandom } from '@plumbline/core/random';
import type * as tf from '@tensorflow/tfjs-core';
import { type BackboneParameters, backbone, createBackbone } from './backbone.js';
import { createFpn, type FpnParameters, fpn } from './fpn.js';
import type { ForwardContext } from './layers.js';
import { type Parameter, ParameterStore } from './parameters.js';
import { createRoiHeads, type RoiHeadParameters } from './roi-heads.js';
import { createRpn, type RpnOutput, type RpnParameters, rpn } from './rpn.js';

/** A detector's shape and parameters; every function of this folder takes it as data. */
export interface DetectorModel {
  readonly config: TrainConfig;
  readonly classes: readonly string[];
  readonly backbone: BackboneParameters;
  readonly fpn: FpnParameters;
  readonly rpn: RpnParameters;
  readonly roiHeads: RoiHeadParameters;
  /** Every parameter in creation order. */
  readonly parameters: readonly Parameter[];
}

/** Creates a freshly initialised model; the seed decides every weight. The engine must be loaded before. */
export function createDetectorModel(config: TrainConfig, classes: readonly string[]): DetectorModel {
  const store = new ParameterStore(createRandom(config.seed));
  const { model } = config;
  const { blocks, width } = model.backbone;
  const channels = model.fpn.channels;
  return {
    config,
    classes,
    backbone: createBackbone(store, blocks, width),
    fpn: createFpn(
      store,
      blocks.map((_, stage) => width * 2 ** stage),
      channels,
    ),
    rpn: createRpn(store, channels, model.anchors.ratios.length),
    roiHeads: createRoiHeads(store, {
      classes: classes.length,
      channels,
      roiSize: model.head.roiSize,
      fcChannels: model.head.fcChannels,
      regressors: model.regressors,
      shared: model.head.shared,
    }),
    parameters: store.parameters,
  };
}

export interface TrunkOutput extends RpnOutput {
  /** [P2..P6] NHWC. */
  readonly pyramid: tf.Tensor4D[];
}

/** @param images [B, H, W, 3] normalised, H and W multiples of 32 */
export function runTrunk(model: DetectorModel, images: tf.Tensor4D, context: ForwardContext): TrunkOutput {
  const pyramid = fpn(backbone(images, model.backbone, context), model.fpn);
  return { pyramid, ...rpn(pyramid, model.rpn) };
}

/** Anchors per level for the configured input size, flat [a * 4] xyxy px. */
export function modelAnchors(config: TrainConfig): Float32Array[] {
  const { scale, ratios } = config.model.anchors;
  return pyramidSizesHw(config.imageSizeHw).map((size, level) =>
    levelAnchors(size, pyramidStrides[level]!, scale, ratios),
  );
}
