/** Shapes in this module: B images, A anchors of all levels together, order (level, row, column, ratio). */
import * as tf from '@tensorflow/tfjs-core';
import { conv, relu } from './layers.js';
import { type ConvParameters, normal, type ParameterStore } from './parameters.js';

export interface RpnParameters {
  readonly conv: ConvParameters;
  readonly objectness: ConvParameters;
  readonly deltas: ConvParameters;
}

export interface RpnOutput {
  /** [B, A] before the sigmoid. */
  readonly logits: tf.Tensor2D;
  /** [B, A, 4] unitless. */
  readonly deltas: tf.Tensor3D;
}

/** Region proposal head shared over the levels. Source: Faster R-CNN (arXiv:1506.01497) section 3.1. */
export function createRpn(store: ParameterStore, channels: number, anchorsPerCell: number): RpnParameters {
  return {
    conv: store.conv('rpn_head.rpn_conv', 3, channels, channels, normal(0.01)),
    objectness: store.conv('rpn_head.rpn_cls', 1, channels, anchorsPerCell, normal(0.01)),
    deltas: store.conv('rpn_head.rpn_reg', 1, channels, 4 * anchorsPerCell, normal(0.01)),
  };
}

/** @param p [P2..P6] NHWC */
export function rpn(p: readonly tf.Tensor4D[], parameters: RpnParameters): RpnOutput {
  const batch = p[0]!.shape[0];
  const perLevel = p.map((x) => {
    const shared = relu(conv(x, parameters.conv));
    return {
      logits: tf.reshape(conv(shared, parameters.objectness), [batch, -1]) as tf.Tensor2D,
      deltas: tf.reshape(conv(shared, parameters.deltas), [batch, -1, 4]) as tf.Tensor3D,
    };
  });
  return {
    logits: tf.concat(
      perLevel.map((level) => level.logits),
      1,
    ),
    deltas: tf.concat(
      perLevel.map((level) => level.deltas),
      1,
    ),
  };
}
