import { backboneStages, type ModelConfig, type TrainConfig } from '@plumbline/contract';
import { conventions, gridStrideHw, levelAnchors, pyramidSizesHw, pyramidStrides } from '@plumbline/core/geometry';
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
  const parts = createModelParts(store, config.model, classes.length);
  return { config, classes, ...parts, parameters: store.parameters };
}

/** The parameters of each part, in this order; with a store of shapes nothing but their shapes. */
export function createModelParts(
  store: ParameterStore,
  model: ModelConfig,
  classes: number,
): Pick<DetectorModel, 'backbone' | 'fpn' | 'rpn' | 'roiHeads'> {
  const channels = model.fpn.channels;
  return {
    backbone: createBackbone(store, model.backbone),
    fpn: createFpn(
      store,
      backboneStages(model.backbone).map(({ outputs }) => outputs),
      channels,
    ),
    rpn: createRpn(store, channels, model.anchors.ratios.length),
    roiHeads: createRoiHeads(store, model, classes),
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

/**
 * Anchors per level, flat [a * 4] xyxy px.
 * @param inputHw padded size of the network input, multiples of 32
 */
export function modelAnchors(
  config: TrainConfig,
  inputHw: readonly [number, number] = config.imageSizeHw,
): Float32Array[] {
  const { scale, ratios } = config.model.anchors;
  const { roundedAnchors } = conventions[config.model.conventions];
  return pyramidSizesHw(inputHw).map((size, level) => {
    const options = roundedAnchors ? { roundedBase: true, strideHw: gridStrideHw(inputHw, size) } : {};
    return levelAnchors(size, pyramidStrides[level]!, scale, ratios, options);
  });
}
