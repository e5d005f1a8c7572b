/** Shapes in this module: R proposals, C foreground classes. */
import { type ModelInput, PlumblineError } from '@plumbline/contract';
import { decodeModel, encodeModel } from '@plumbline/runtime/onnx';
import { computesFeatures } from '../feature-names.js';
import { withHalfFloats } from '../half/half-floats.js';
import { topKLimit } from '../tensorrt-limits.js';
import type { Checkpoint } from './checkpoint.js';
import { buildDetector, type ExportedModel, regionOutputs } from './detector-graph.js';
import { buildFixedFrameInput, buildPreparedInput, preparedInput } from './frame-input.js';
import { buildHeads } from './heads.js';
import { matrixNmsRounds } from './matrix-nms.js';
import { buildStaticProposals } from './static-proposals.js';

export const tensorrtOpsets = [17, 18, 19, 20] as const;
export type TensorrtOpset = (typeof tensorrtOpsets)[number];

export type TensorrtPrecision = 'float32' | 'float16';

export interface TensorrtOptions {
  /** 19 when absent: the first whose quantized form has float16 steps. TensorRT 8.6 reads 17 at most. */
  readonly opset?: TensorrtOpset;
  /**
   * Height and width of the camera's frames, px: the graph then takes uint8 [1, H, W, 3] of that size and resizes it itself.
   * When absent it takes images of the network size, which the runtime resizes.
   */
  readonly frameHw?: readonly [number, number];
  /** `float16`: what computes features does so in float16, boxes and scores stay float32. `float32` when absent. */
  readonly precision?: TensorrtPrecision;
  /** Rounds of the matrix NMS; {@link matrixNmsRounds} when absent. */
  readonly rounds?: number;
}

/**
 * Writes a checkpoint as an ONNX model for TensorRT: every shape is known, nothing depends on the numbers, and the outputs
 * have a fixed size. Outputs: `boxes` float [R, 4], or [R, C, 4] with boxes of their own for each class, xyxy in network px;
 * `scores` float [R, C], 0 in rows that are filled up. Threshold and suppression per class are the runtime's. Not run on
 * hardware.
 * @throws {PlumblineError} as {@link exportPortable}; PLB_DEPLOY_TOPK_LIMIT
 */
export function exportTensorrt(checkpoint: Checkpoint, options: TensorrtOptions = {}): ExportedModel {
  const { config, classes, source } = checkpoint;
  const { imageSizeHw, proposals: sizes, normalization, test } = config;
  for (const [key, value] of Object.entries({ testPreNms: sizes.testPreNms, testPostNms: sizes.testPostNms })) {
    if (value >= topKLimit)
      throw new PlumblineError('PLB_DEPLOY_TOPK_LIMIT', { source, key: `proposals.${key}`, value, limit: topKLimit });
  }
  const { mean } = normalization;
  const { frameHw } = options;
  const input: ModelInput = frameHw
    ? { name: 'frame', layout: 'NHWC', color: 'RGB', networkSizeHw: imageSizeHw, frameSizeHw: [...frameHw] }
    : preparedInput(imageSizeHw, mean);
  const exported = buildDetector(checkpoint, options.opset ?? 19, {
    target: 'tensorrt',
    network: (b) =>
      frameHw ? buildFixedFrameInput(b, frameHw, imageSizeHw, mean) : buildPreparedInput(b, imageSizeHw, mean),
    detect(b, weights, pyramid, network) {
      const limits = network.contentLimits;
      const rounds = options.rounds ?? matrixNmsRounds;
      const proposals = buildStaticProposals(b, weights, config, pyramid, limits, rounds);
      const heads = buildHeads(b, weights, config, classes.length, pyramid, proposals, limits);
      const scores = b.op('detections.scores', 'Mul', [heads.probabilities, proposals.isProposal]);
      const { count } = proposals;
      b.output('boxes', heads.boxes, 'float', heads.isClassSpecific ? [count, classes.length, 4] : [count, 4]);
      b.output('scores', scores, 'float', [count, classes.length]);
    },
    input,
    outputs: regionOutputs(test),
  });
  if (options.precision !== 'float16') return exported;
  const half = withHalfFloats(decodeModel(exported.bytes, source), computesFeatures);
  return { ...exported, bytes: encodeModel(half), nodes: half.graph.node.length };
}
