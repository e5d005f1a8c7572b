import { backboneStages } from '@plumbline/contract';
import { buildBackbone } from './backbone.js';
import type { Checkpoint } from './checkpoint.js';
import { buildDetections } from './detections.js';
import { buildFpn } from './fpn.js';
import { buildFloatInput, buildFrameInput } from './frame-input.js';
import { GraphBuilder } from './graph-builder.js';
import { buildHeads } from './heads.js';
import { buildProposals } from './proposals.js';
import { refuseUnsupported } from './refuse-unsupported.js';

/** Names of the graph's input and outputs; the manifest repeats them. */
export const portableInput = 'frame';
export const portableOutputs = { boxes: 'boxes', scores: 'scores', classes: 'classes' } as const;
/** Operator sets that the graph is written for; the first is what every supported runtime reads. */
export const portableOpsets = [17, 18, 19, 20] as const;
export type PortableOpset = (typeof portableOpsets)[number];

export interface PortableOptions {
  /** 17 when absent. */
  readonly opset?: PortableOpset;
  /**
   * `frame` (default): uint8 [1, height, width, 3] RGB of any size. `network-image`: float [1, 3, H, W] of the network
   * size, for checks of the graph behind the resize; boxes are then in network px.
   */
  readonly input?: 'frame' | 'network-image';
  /**
   * Also returns `proposals` [R, 4], and of those that score above the threshold `probabilities` [R', C] and `refined`
   * boxes [R', 4] or [R', C, 4] (one regressor), in network px.
   */
  readonly withIntermediates?: boolean;
}

/** An exported graph and its size. */
export interface ExportedModel {
  readonly bytes: Uint8Array;
  readonly nodes: number;
  readonly opset: number;
}

/**
 * Writes a checkpoint as an ONNX model that needs nothing but the standard operators: frame in, final boxes out.
 * Outputs: `boxes` float [N, 4] xyxy in source px, `scores` float [N] descending, `classes` int64 [N], 0-based; N may be 0.
 * @throws {PlumblineError} PLB_DEPLOY_CHECKPOINT_TENSOR when a weight is missing or has another shape,
 *   PLB_DEPLOY_MODEL_UNSUPPORTED for a configuration without a graph
 */
export function exportPortable(checkpoint: Checkpoint, options: PortableOptions = {}): ExportedModel {
  refuseUnsupported(checkpoint);
  const { config, weights, classes } = checkpoint;
  const { mean, std } = config.normalization;
  const opset = options.opset ?? portableOpsets[0];
  const b = new GraphBuilder('plumbline-detector', opset);
  const network = (options.input === 'network-image' ? buildFloatInput : buildFrameInput)(b, config.imageSizeHw, mean);
  const inverseStd = std.map((value) => 1 / value);
  const stages = buildBackbone(b, weights, config.model.backbone, network.image, inverseStd);
  const stageChannels = backboneStages(config.model.backbone).map(({ outputs }) => outputs);
  const pyramid = buildFpn(b, weights, stages, stageChannels, config.model.fpn.channels);
  const proposals = buildProposals(b, weights, config, pyramid, network.contentLimits);
  const heads = buildHeads(b, weights, config, classes.length, pyramid, proposals.boxes, network.contentLimits);
  const found = buildDetections(b, config.test, heads, network);
  b.output(portableOutputs.boxes, found.boxes, 'float', ['detections', 4]);
  b.output(portableOutputs.scores, found.scores, 'float', ['detections']);
  b.output(portableOutputs.classes, found.classes, 'int64', ['detections']);
  if (options.withIntermediates) {
    b.output('proposals', proposals.boxes, 'float', ['proposals', 4]);
    b.output('probabilities', heads.probabilities, 'float', ['scored', classes.length]);
    const refinedDims = heads.isClassSpecific ? ['scored', classes.length, 4] : ['scored', 4];
    b.output('refined', heads.boxes, 'float', refinedDims);
  }
  const bytes = b.finish('0.1.0', { 'plumbline.runId': checkpoint.runId, 'plumbline.step': String(checkpoint.step) });
  return { bytes, nodes: b.nodeCount, opset };
}
