import type { ModelOutputs } from '@plumbline/contract';
import type { Checkpoint } from './checkpoint.js';
import { buildDetections } from './detections.js';
import { buildDetector, type ExportedModel, regionOutputs } from './detector-graph.js';
import { buildFloatInput, buildFrameInput } from './frame-input.js';
import { buildHeads } from './heads.js';
import { buildProposals } from './proposals.js';

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
   * `frame` (default): uint8 [B, height, width, 3] RGB of any size. `network-image`: float [B, 3, H, W] of the network
   * size, for checks of the graph behind the resize; boxes are then in network px.
   */
  readonly input?: 'frame' | 'network-image';
  /**
   * Also returns `proposals` [R, 4], and of those that score above the threshold `probabilities` [R', C] and `refined`
   * boxes [R', 4] or [R', C, 4] (one regressor), in network px.
   */
  readonly withIntermediates?: boolean;
}

/**
 * Writes a checkpoint as an ONNX model that needs nothing but the standard operators: frames of one size in, final boxes
 * out. Outputs: `boxes` float [N, 4] xyxy in source px, `scores` float [N] descending in each frame, `classes` int64 [N],
 * 0-based, `images` int64 [N], the frame of the batch that each is of, ascending; N may be 0. With soft-NMS, for which
 * ONNX has no operator, the outputs are `boxes`, `scores` [R, C] and `images` of the regions, network px, and the runtime
 * chooses.
 * @throws {PlumblineError} PLB_DEPLOY_CHECKPOINT_TENSOR when a weight is missing or has another shape,
 *   PLB_DEPLOY_MODEL_UNSUPPORTED for a configuration without a graph
 */
export function exportPortable(checkpoint: Checkpoint, options: PortableOptions = {}): ExportedModel {
  const { config, classes } = checkpoint;
  const opset = options.opset ?? portableOpsets[0];
  const inputOf = options.input === 'network-image' ? buildFloatInput : buildFrameInput;
  const isChosenOutside = config.test.softNms !== null;
  return buildDetector(checkpoint, opset, {
    target: 'portable',
    network: (b) => inputOf(b, config.imageSizeHw, config.normalization.mean),
    detect(b, weights, pyramid, network) {
      const proposals = buildProposals(b, weights, config, pyramid, network.contentLimits);
      const heads = buildHeads(b, weights, config, classes.length, pyramid, proposals, network.contentLimits);
      if (isChosenOutside) {
        const boxDims = heads.isClassSpecific ? ['regions', classes.length, 4] : ['regions', 4];
        b.output(portableOutputs.boxes, heads.boxes, 'float', boxDims);
        b.output(portableOutputs.scores, heads.probabilities, 'float', ['regions', classes.length]);
        b.output('images', heads.image, 'int64', ['regions']);
        return;
      }
      const found = buildDetections(b, config.test, heads, network, classes.length);
      b.output(portableOutputs.boxes, found.boxes, 'float', ['detections', 4]);
      b.output(portableOutputs.scores, found.scores, 'float', ['detections']);
      b.output(portableOutputs.classes, found.classes, 'int64', ['detections']);
      b.output('images', found.images, 'int64', ['detections']);
      if (!options.withIntermediates) return;
      b.output('proposals', proposals.boxes, 'float', ['proposals', 4]);
      b.output('probabilities', heads.probabilities, 'float', ['scored', classes.length]);
      const refinedDims = heads.isClassSpecific ? ['scored', classes.length, 4] : ['scored', 4];
      b.output('refined', heads.boxes, 'float', refinedDims);
    },
    input: { name: portableInput, layout: 'NHWC', color: 'RGB', networkSizeHw: config.imageSizeHw },
    outputs: isChosenOutside ? regionOutputs(config.test) : (portableOutputs satisfies ModelOutputs),
  });
}
