/**
 * Shapes in this module: B images, A anchors per cell, k candidates of one level, K of all levels, R proposals per image,
 * M proposals of all images.
 */
import type { TrainConfig } from '@plumbline/contract';
import {
  type AnchorOptions,
  conventions,
  gridStrideHw,
  levelAnchors,
  pyramidSizesHw,
  pyramidStrides,
} from '@plumbline/core/geometry';
import { buildDecode, buildIsAtLeast } from './box-decode.js';
import type { Weights } from './checkpoint.js';
import { conv, convParameters } from './conv.js';
import type { GraphBuilder, Value } from './graph-builder.js';
import { findRows, keepOnly, pairColumns } from './kept-rows.js';

/** Regions that the heads look at. */
export interface Proposals {
  /** float [M, 4] xyxy, network px; of each image by descending score. */
  readonly boxes: Value;
  /** int64 [M], ascending: the image of each. */
  readonly image: Value;
  /** Rows of a fixed number of which some are filled up: float [M, 1], 1 for a proposal and 0 for the others. */
  readonly isProposal?: Value;
}

/** The best anchors of each level, decoded and clipped. */
export interface Candidates {
  /** float [B, K, 4] xyxy, network px; level by level, each by descending score. */
  readonly boxes: Value;
  /** float [B, K] logits. They stand in for their sigmoid: the order is the same. */
  readonly logits: Value;
  /** k of each level. */
  readonly counts: readonly number[];
}

export type ProposalConfig = Pick<TrainConfig, 'imageSizeHw' | 'model' | 'proposals'>;

/**
 * Region proposals: NMS per level at `nmsClassification`, merged by score, the best `testPostNms` of each image. At test
 * time one set serves both branches (Decoupled R-CNN, section 5 of its released reading).
 */
export function buildProposals(
  b: GraphBuilder,
  weights: Weights,
  config: ProposalConfig,
  pyramid: readonly Value[],
  limits: Value,
): Proposals {
  return suppressPerLevel(b, config.proposals, buildCandidates(b, weights, config, pyramid, limits));
}

/** The shared head over P2..P6 and the best `testPreNms` anchors per level. */
export function buildCandidates(
  b: GraphBuilder,
  weights: Weights,
  config: ProposalConfig,
  pyramid: readonly Value[],
  limits: Value,
): Candidates {
  const { anchors, fpn } = config.model;
  const { roundedAnchors, clamp, minProposalSide } = conventions[config.model.conventions];
  const perCell = anchors.ratios.length;
  const head = headParameters(b, weights, fpn.channels, perCell);
  const levels = pyramidSizesHw(config.imageSizeHw).map((sizeHw, level) => {
    const path = `rpn_head.p${level + 2}`;
    const cells = sizeHw[0] * sizeHw[1];
    const count = Math.min(config.proposals.testPreNms, cells * perCell);
    const shared = b.op(`${path}.relu`, 'Relu', [
      conv(b, `${path}.rpn_conv`, pyramid[level]!, head.shared.shape, head.shared),
    ]);
    const both = conv(b, `${path}.rpn_out`, shared, head.out.shape, head.out);
    const rows = b.op(`${path}.nhwc`, 'Transpose', [both], { perm: [0, 2, 3, 1] });
    const [logitCells, deltaCells] = b.split(`${path}.split`, rows, [perCell, 4 * perCell], 3);
    const allLogits = b.reshape(`${path}.logits`, logitCells!, [0, cells * perCell]);
    const allDeltas = b.reshape(`${path}.allDeltas`, deltaCells!, [0, cells * perCell, 4]);
    const [logits, index] = b.multi(`${path}.top`, 'TopK', [allLogits, b.ints([count])], 2, { axis: 1 });
    const deltas = b.op(
      `${path}.deltas`,
      'GatherND',
      [allDeltas, b.op(`${path}.topIndex`, 'Unsqueeze', [index!, b.ints([2])])],
      { batch_dims: 1 },
    );
    const options = roundedAnchors ? { roundedBase: true, strideHw: gridStrideHw(config.imageSizeHw, sizeHw) } : {};
    const priors = gatherAnchors(b, path, sizeHw, pyramidStrides[level]!, anchors, options, index!);
    return { count, logits: logits!, deltas, priors };
  });
  const all = (part: 'logits' | 'deltas' | 'priors') =>
    b.op(
      `rpn_head.${part}`,
      'Concat',
      levels.map((level) => level[part]),
      { axis: 1 },
    );
  const counts = levels.map((level) => level.count);
  const boxes = buildDecode(b, 'rpn_head.decode', all('priors'), all('deltas'), limits, clamp);
  const logits = all('logits');
  if (minProposalSide === 0) return { boxes, logits, counts };
  // Too small a box becomes one without area, which suppresses nothing, and comes last.
  const isLarge = buildIsAtLeast(b, 'rpn_head.proposalSide', boxes, minProposalSide);
  const row = b.op('rpn_head.isLargeRow', 'Squeeze', [isLarge, b.ints([2])]);
  return {
    boxes: b.op('rpn_head.largeBoxes', 'Where', [isLarge, boxes, b.floats([0])]),
    logits: b.op('rpn_head.largeLogits', 'Where', [row, logits, b.floats([Number.NEGATIVE_INFINITY])]),
    counts,
  };
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
  { roundedBase = false, ...grid }: AnchorOptions,
  index: Value,
): Value {
  // Cell and shape are looked up apart: a table of every anchor would be `ratios.length` times as large.
  const cells = levelAnchors(sizeHw, stride, 0, [1], grid);
  const shapes = levelAnchors([1, 1], stride, scale, ratios, { roundedBase });
  const perCell = b.ints([ratios.length], []);
  const cellTable = b.constant(`${path}.cells`, 'float', [sizeHw[0] * sizeHw[1], 4], cells);
  const shapeTable = b.constant(`${path}.shapes`, 'float', [ratios.length, 4], shapes);
  const cell = b.op(`${path}.cell`, 'Gather', [cellTable, b.op(`${path}.cellIndex`, 'Div', [index, perCell])]);
  const shape = b.op(`${path}.shape`, 'Gather', [shapeTable, b.op(`${path}.shapeIndex`, 'Mod', [index, perCell])]);
  return b.op(`${path}.priors`, 'Add', [cell, shape]);
}

/**
 * One NonMaxSuppression node treats the levels as classes: a box scores minus infinity in the levels it is not of, so
 * that it can neither be kept nor suppress there. What it keeps is written into a table of minus infinities, from which
 * the best of each image are taken.
 */
function suppressPerLevel(
  b: GraphBuilder,
  { nmsClassification, testPostNms }: TrainConfig['proposals'],
  { boxes, logits, counts }: Candidates,
): Proposals {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const mask = counts.flatMap((_, level) =>
    counts.flatMap((count, other) => new Array(count).fill(level === other ? 1 : 0)),
  );
  const isOfLevel = b.constant('rpn_head.isOfLevel', 'bool', [1, counts.length, total], mask);
  const never = b.floats([Number.NEGATIVE_INFINITY]);
  const scores = b.op('rpn_head.levelScores', 'Where', [
    isOfLevel,
    b.reshape('rpn_head.logitsRow', logits, [0, 1, total]),
    never,
  ]);
  const selected = b.op('rpn_head.nms', 'NonMaxSuppression', [
    boxes,
    scores,
    b.ints([testPostNms]),
    b.floats([nmsClassification]),
    b.floats([-3e38]),
  ]);
  // [S, 2]: image and candidate of each that stays.
  const kept = b.op('rpn_head.kept', 'Gather', [selected, b.ints([0, 2])], { axis: 1 });
  const table = keepOnly(b, 'rpn_head.table', logits, kept);
  const limit = b.ints([Math.min(testPostNms, total)]);
  const [topLogits, candidate] = b.multi('rpn_head.merge', 'TopK', [table, limit], 2, { axis: 1 });
  // [M, 2]: image and rank of each proposal.
  const rows = findRows(b, 'rpn_head.rows', b.op('rpn_head.isKept', 'Greater', [topLogits!, never]));
  const image = b.op('rpn_head.image', 'Gather', [rows, b.ints([0], [])], { axis: 1 });
  const index = b.op('rpn_head.candidate', 'GatherND', [candidate!, rows]);
  const place = pairColumns(b, 'rpn_head.place', image, index);
  return { boxes: b.op('rpn_head.proposals', 'GatherND', [boxes, place]), image };
}
