/** Shapes in this module: R proposals, C foreground classes, M boxes kept by NMS, N final detections. */
import type { TrainConfig } from '@plumbline/contract';
import { buildClip } from './box-decode.js';
import type { NetworkImage } from './frame-input.js';
import type { GraphBuilder, Value } from './graph-builder.js';
import type { HeadOutput } from './heads.js';

export interface FinalDetections {
  /** float [N, 4] xyxy, source px, by descending score. */
  readonly boxes: Value;
  /** float [N]. */
  readonly scores: Value;
  /** int64 [N], 0-based. */
  readonly classes: Value;
}

/** Pairs (roi, class) above the score threshold, NMS per class, the best `maxDetections`, mapped to the source frame. */
export function buildDetections(
  b: GraphBuilder,
  config: TrainConfig['test'],
  heads: HeadOutput,
  network: NetworkImage,
): FinalDetections {
  const { boxes, probabilities, isClassSpecific } = heads;
  const scoresPerClass = b.op('detections.perClass', 'Transpose', [probabilities], { perm: [1, 0] });
  // Class-specific boxes: every class is a batch of its own boxes. Otherwise one batch whose classes share the boxes.
  const nmsBoxes = isClassSpecific
    ? b.op('detections.boxesPerClass', 'Transpose', [boxes], { perm: [1, 0, 2] })
    : b.op('detections.boxesBatch', 'Unsqueeze', [boxes, b.ints([0])]);
  const nmsScores = b.op('detections.scoresBatch', 'Unsqueeze', [scoresPerClass, b.ints([isClassSpecific ? 1 : 0])]);
  const selected = b.op('detections.nms', 'NonMaxSuppression', [
    nmsBoxes,
    nmsScores,
    b.ints([config.maxDetections]),
    b.floats([config.nmsIou]),
    b.floats([config.scoreThreshold]),
  ]);
  // [M, 2] as (class, roi), in either layout.
  const pairs = b.op('detections.pairs', 'Gather', [selected, b.ints(isClassSpecific ? [0, 2] : [1, 2])], { axis: 1 });
  const keptScores = b.op('detections.keptScores', 'GatherND', [scoresPerClass, pairs]);
  const limit = b.op('detections.limit', 'Min', [
    b.op('detections.count', 'Shape', [keptScores]),
    b.ints([config.maxDetections]),
  ]);
  const [scores, order] = b.multi('detections.top', 'TopK', [keptScores, limit], 2, { axis: 0 });
  const topPairs = b.op('detections.topPairs', 'Gather', [pairs, order!]);
  const column = (name: string, index: number) => b.op(name, 'Gather', [topPairs, b.ints([index], [])], { axis: 1 });
  const classes = column('detections.classes', 0);
  const networkBoxes = isClassSpecific
    ? b.op('detections.networkBoxes', 'GatherND', [nmsBoxes, topPairs])
    : b.op('detections.networkBoxes', 'Gather', [boxes, column('detections.rois', 1)]);
  if (!network.toSource || !network.sourceLimits) return { boxes: networkBoxes, scores: scores!, classes };
  const scaled = b.op('detections.scaled', 'Mul', [networkBoxes, network.toSource]);
  return { boxes: buildClip(b, 'detections', scaled, network.sourceLimits), scores: scores!, classes };
}
