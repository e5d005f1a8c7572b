/** Shapes in this module: A anchors per cell, k candidates of one level, K of all levels, R proposals. */
import type { TrainConfig } from '@plumbline/contract';
import { levelAnchors, pyramidSizesHw, pyramidStrides } from '@plumbline/core/geometry';
import { buildDecode } from './box-decode.js';
import type { Weights } from './checkpoint.js';
import { conv, convParameters } from './conv.js';
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
  const head = headParameters(b, weights, fpn.channels, perCell);
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
    const priors = gatherAnchors(b, path, sizeHw, pyramidStrides[level]!, anchors, index!);
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
function headParameters(b: GraphBuilder, weights: Weights, channels: number, perCell: number) {
  const sharedShape = { inputs: channels, outputs: channels, kernel: 3 };
  const outShape = { inputs: channels, outputs: 5 * perCell, kernel: 1 };
  const part = (name: string, kind: 'weight' | 'bias', outputs: number) =>
    weights.get(`rpn_head.${name}.${kind}`, kind === 'bias' ? [outputs] : [outputs, channels, 1, 1]);
  const both = (kind: 'weight' | 'bias') => [...part('rpn_cls', kind, perCell), ...part('rpn_reg', kind, 4 * perCell)];
  const outWeight = b.weight('rpn_head.rpn_out.weight', [5 * perCell, channels, 1, 1], both('weight'));
  return {
    shared: { shape: sharedShape, ...convParameters(b, weights, 'rpn_head.rpn_conv', sharedShape) },
    out: { shape: outShape, weight: outWeight, bias: both('bias') },
  };
}

/** The anchors of one level at the given positions of the flat order (row, column, ratio). */
function gatherAnchors(
  b: GraphBuilder,
  path: string,
  sizeHw: readonly [number, number],
  stride: number,
  { scale, ratios }: TrainConfig['model']['anchors'],
  index: Value,
): Value {
  // Cell and shape are looked up apart: a table of every anchor would be `ratios.length` times as large.
  const cells = levelAnchors(sizeHw, stride, 0, [1]);
  const shapes = levelAnchors([1, 1], stride, scale, ratios);
  const perCell = b.ints([ratios.length], []);
  const cellTable = b.constant(`${path}.cells`, 'float', [sizeHw[0] * sizeHw[1], 4], cells);
  const shapeTable = b.constant(`${path}.shapes`, 'float', [ratios.length, 4], shapes);
  const cell = b.op(`${path}.cell`, 'Gather', [cellTable, b.op(`${path}.cellIndex`, 'Div', [index, perCell])]);
  const shape = b.op(`${path}.shape`, 'Gather', [shapeTable, b.op(`${path}.shapeIndex`, 'Mod', [index, perCell])]);
  return b.op(`${path}.priors`, 'Add', [cell, shape]);
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
