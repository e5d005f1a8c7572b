/** Shapes in this module: A anchors per cell, k candidates of one level, K of all levels, R proposals. */
import type { TrainConfig } from '@plumbline/contract';
import { levelAnchors, pyramidSizesHw, pyramidStrides } from '@plumbline/core/geometry';
import { buildDecode } from './box-decode.js';
import type { Weights } from './checkpoint.js';
import { conv, convWeights } from './conv.js';
import type { GraphBuilder, Value } from './graph-builder.js';

export interface Proposals {
  /** float [R, 4] xyxy, network px, by descending score. */
  readonly boxes: Value;
  /** float [R] logits. */
  readonly logits: Value;
}

/**
 * Region proposals: shared head over P2..P6, the best `testPreNms` anchors per level, decoded and clipped, NMS per
 * level at `nmsClassification`, merged by score, the best `testPostNms`. Logits stand in for their sigmoid: the order
 * is the same. At test time one set serves both branches (Decoupled R-CNN, section 5 of its released reading).
 */
export function buildProposals(
  b: GraphBuilder,
  weights: Weights,
  config: Pick<TrainConfig, 'imageSizeHw' | 'model' | 'proposals'>,
  pyramid: readonly Value[],
  limits: Value,
): Proposals {
  const { anchors, fpn } = config.model;
  const perCell = anchors.ratios.length;
  const head = headWeights(weights, fpn.channels, perCell);
  const candidates = pyramidSizesHw(config.imageSizeHw).map((sizeHw, level) => {
    const path = `rpn_head.p${level + 2}`;
    const cells = sizeHw[0] * sizeHw[1];
    const count = Math.min(config.proposals.testPreNms, cells * perCell);
    const shared = b.op(`${path}.relu`, 'Relu', [
      conv(b, `${path}.rpn_conv`, pyramid[level]!, head.shared.shape, head.shared),
    ]);
    const both = conv(b, `${path}.rpn_out`, shared, head.out.shape, head.out);
    const rows = b.op(`${path}.nhwc`, 'Transpose', [both], { perm: [0, 2, 3, 1] });
    const [logitCells, deltaCells] = b.split(`${path}.split`, rows, [perCell, 4 * perCell], 3);
    const flatLogits = b.reshape(`${path}.logits`, logitCells!, [cells * perCell]);
    const [logits, index] = b.multi(`${path}.top`, 'TopK', [flatLogits, b.ints([count])], 2, { axis: 0 });
    const deltas = b.op(`${path}.deltas`, 'Gather', [
      b.reshape(`${path}.allDeltas`, deltaCells!, [cells * perCell, 4]),
      index!,
    ]);
    const table = levelAnchors(sizeHw, pyramidStrides[level]!, anchors.scale, anchors.ratios);
    const priors = b.op(`${path}.priors`, 'Gather', [
      b.constant(`${path}.anchors`, 'float', [cells * perCell, 4], table),
      index!,
    ]);
    return { count, logits: logits!, deltas, priors };
  });
  const all = (part: 'logits' | 'deltas' | 'priors') =>
    b.op(
      `rpn_head.${part}`,
      'Concat',
      candidates.map((level) => level[part]),
      { axis: 0 },
    );
  const logits = all('logits');
  const boxes = buildDecode(b, 'rpn_head.decode', all('priors'), all('deltas'), limits);
  return suppressPerLevel(
    b,
    config.proposals,
    boxes,
    logits,
    candidates.map((level) => level.count),
  );
}

/** Objectness and deltas share their input: one convolution of A + 4A channels computes both. */
function headWeights(weights: Weights, channels: number, perCell: number) {
  const sharedShape = { inputs: channels, outputs: channels, kernel: 3 };
  const logits = convWeights(weights, 'rpn_head.rpn_cls', { inputs: channels, outputs: perCell, kernel: 1 });
  const deltas = convWeights(weights, 'rpn_head.rpn_reg', { inputs: channels, outputs: 4 * perCell, kernel: 1 });
  return {
    shared: { shape: sharedShape, ...convWeights(weights, 'rpn_head.rpn_conv', sharedShape) },
    out: {
      shape: { inputs: channels, outputs: 5 * perCell, kernel: 1 },
      weight: [...logits.weight, ...deltas.weight],
      bias: [...logits.bias, ...deltas.bias],
    },
  };
}

/**
 * One NonMaxSuppression node treats the levels as classes: a box scores minus infinity in the levels it is not of, so
 * that it can neither be kept nor suppress there.
 */
function suppressPerLevel(
  b: GraphBuilder,
  { nmsClassification, testPostNms }: TrainConfig['proposals'],
  boxes: Value,
  logits: Value,
  counts: readonly number[],
): Proposals {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const mask = counts.flatMap((_, level) =>
    counts.flatMap((count, other) => new Array(count).fill(level === other ? 1 : 0)),
  );
  const isOfLevel = b.constant('rpn_head.isOfLevel', 'bool', [1, counts.length, total], mask);
  const scores = b.op('rpn_head.levelScores', 'Where', [
    isOfLevel,
    b.reshape('rpn_head.logitsRow', logits, [1, 1, total]),
    b.floats([Number.NEGATIVE_INFINITY]),
  ]);
  const selected = b.op('rpn_head.nms', 'NonMaxSuppression', [
    b.reshape('rpn_head.boxes', boxes, [1, total, 4]),
    scores,
    b.ints([testPostNms]),
    b.floats([nmsClassification]),
    b.floats([-3e38]),
  ]);
  const index = b.op('rpn_head.kept', 'Gather', [selected, b.ints([2], [])], { axis: 1 });
  const keptLogits = b.op('rpn_head.keptLogits', 'Gather', [logits, index]);
  const keptBoxes = b.op('rpn_head.keptBoxes', 'Gather', [boxes, index]);
  const limit = b.op('rpn_head.limit', 'Min', [b.op('rpn_head.keptCount', 'Shape', [index]), b.ints([testPostNms])]);
  const [topLogits, order] = b.multi('rpn_head.merge', 'TopK', [keptLogits, limit], 2, { axis: 0 });
  return { boxes: b.op('rpn_head.proposals', 'Gather', [keptBoxes, order!]), logits: topLogits! };
}
