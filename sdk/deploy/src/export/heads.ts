/**
 * Shapes in this module: R proposals, R' of them with a score above the threshold (n > 1; all for n = 1),
 * C foreground classes, F fully connected channels.
 */
import type { TrainConfig } from '@plumbline/contract';
import { concatFloat32, type Stds, stageStds } from '@plumbline/core/geometry';
import { buildDecode } from './box-decode.js';
import type { Weights } from './checkpoint.js';
import { buildDense } from './dense.js';
import type { GraphBuilder, Value } from './graph-builder.js';
import { buildRoiFeatures, restoreOrder } from './roi-features.js';

export interface HeadOutput {
  /** float [R', C]: softmax of the first stage without its background column. */
  readonly probabilities: Value;
  /** float [R', 4] shared by all classes (n > 1) or [R', C, 4] (n = 1), network px. */
  readonly boxes: Value;
  readonly isClassSpecific: boolean;
}

/**
 * The n regressors and the one classifier. Scores come from stage 1 on the proposals alone. With one regressor its
 * class-specific boxes are final; with more, the delta of the best foreground class refines the proposal and later,
 * class-agnostic stages refine that box further, each on features pooled anew.
 * The stds of the box coder are folded into the last layer of each regressor.
 * Source: Wang et al., "Decoupled R-CNN", IEEE TCSVT 2022, sections III-B and III-C.
 */
export function buildHeads(
  b: GraphBuilder,
  weights: Weights,
  config: TrainConfig['model'],
  classCount: number,
  scoreThreshold: number,
  pyramid: readonly Value[],
  proposals: Value,
  limits: Value,
): HeadOutput {
  const { fcChannels, roiSize, samplingRatio, aligned } = config.head;
  const channels = config.fpn.channels;
  const inputs = channels * roiSize * roiSize;
  const pool = (stage: number, boxes: Value) =>
    buildRoiFeatures(b, `roi_head.stage${stage}.pool`, pyramid, boxes, { channels, roiSize, samplingRatio, aligned });
  const regress = (stage: number, x: Value, outputs: number) => {
    const path = `roi_head.stage${stage}.fc_reg`;
    return buildDense(
      b,
      path,
      x,
      fcChannels,
      outputs,
      scaledRegressor(weights, path, fcChannels, outputs, stageStds[stage - 1]!),
    );
  };

  const first = pool(1, proposals);
  const branches = config.head.shared
    ? sharedBranches(b, weights, first.rows, inputs, fcChannels)
    : separateBranches(b, weights, first.rows, inputs, fcChannels);
  const clsPath = 'roi_head.stage1.fc_cls';
  const logitRows = buildDense(
    b,
    clsPath,
    branches.classification,
    fcChannels,
    classCount + 1,
    denseWeights(weights, clsPath, fcChannels, classCount + 1),
  );
  const deltaRows = regress(1, branches.regression, 4 * classCount);
  const logits = restoreOrder(b, clsPath, logitRows, first.roiOfRow);
  const deltas = b.reshape(
    'roi_head.stage1.deltas',
    restoreOrder(b, 'roi_head.stage1.fc_reg', deltaRows, first.roiOfRow),
    [-1, classCount, 4],
  );

  const foreground = (name: string, value: Value) =>
    b.op(name, 'Slice', [value, b.ints([0]), b.ints([classCount]), b.ints([1])]);
  const probabilities = foreground(
    'roi_head.probabilities',
    b.op('roi_head.softmax', 'Softmax', [logits], { axis: 1 }),
  );
  if (config.regressors === 1) {
    const priors = b.op('roi_head.priors', 'Unsqueeze', [proposals, b.ints([1])]);
    return {
      probabilities,
      boxes: buildDecode(b, 'roi_head.stage1.decode', priors, deltas, limits),
      isClassSpecific: true,
    };
  }
  const best = b.op('roi_head.bestClass', 'ArgMax', [foreground('roi_head.foregroundLogits', logits)], {
    axis: 1,
    keepdims: 1,
  });
  const bestDeltas = b.op('roi_head.bestDeltas', 'GatherND', [deltas, best], { batch_dims: 1 });
  const kept = scoredRows(b, probabilities, scoreThreshold);
  const rows = (name: string, value: Value) => b.op(`roi_head.kept.${name}`, 'Gather', [value, kept]);
  let boxes = buildDecode(
    b,
    'roi_head.stage1.decode',
    rows('proposals', proposals),
    rows('deltas', bestDeltas),
    limits,
  );
  for (let stage = 2; stage <= config.regressors; stage++) {
    const path = `roi_head.stage${stage}`;
    const features = pool(stage, boxes);
    const hidden = twoDense(b, weights, `${path}.reg_branch`, features.rows, inputs, fcChannels);
    const stageDeltas = restoreOrder(b, `${path}.fc_reg`, regress(stage, hidden, 4), features.roiOfRow);
    boxes = buildDecode(b, `${path}.decode`, boxes, stageDeltas, limits);
  }
  return { probabilities: rows('probabilities', probabilities), boxes, isClassSpecific: false };
}

/**
 * Rows of the proposals that some class scores above the threshold. Only they can become detections or suppress one,
 * so that leaving the others out of the later stages changes no result; on real images most proposals go.
 */
function scoredRows(b: GraphBuilder, probabilities: Value, scoreThreshold: number): Value {
  // The axes of ReduceMax became an input in opset 18.
  const [axesInput, axesAttribute] = b.opset < 18 ? [[], { axes: [1] }] : [[b.ints([1])], {}];
  const highest = b.op('roi_head.highest', 'ReduceMax', [probabilities, ...axesInput], {
    ...axesAttribute,
    keepdims: 0,
  });
  const isScored = b.op('roi_head.isScored', 'Greater', [highest, b.floats([scoreThreshold], [])]);
  return b.op('roi_head.scored', 'Squeeze', [b.op('roi_head.scoredIndex', 'NonZero', [isScored]), b.ints([0])]);
}

interface Branches {
  /** float [R, F] each; the same value when the layers are shared. */
  readonly classification: Value;
  readonly regression: Value;
}

function sharedBranches(b: GraphBuilder, weights: Weights, rows: Value, inputs: number, fc: number): Branches {
  const hidden = twoDense(b, weights, 'roi_head.stage1.shared_fcs', rows, inputs, fc);
  return { classification: hidden, regression: hidden };
}

/** The first layers of both branches read the same rows: one product of 2F columns computes both. */
function separateBranches(b: GraphBuilder, weights: Weights, rows: Value, inputs: number, fc: number): Branches {
  const paths = ['roi_head.stage1.cls_fcs', 'roi_head.stage1.reg_branch'];
  const firsts = paths.map((path) => denseWeights(weights, `${path}.fc1`, inputs, fc));
  const joined = {
    weight: concatFloat32(firsts.map((layer) => layer.weight)),
    bias: concatFloat32(firsts.map((layer) => layer.bias)),
  };
  const both = b.op('roi_head.stage1.fc1.relu', 'Relu', [
    buildDense(b, 'roi_head.stage1.fc1', rows, inputs, 2 * fc, joined),
  ]);
  const hidden = b.split('roi_head.stage1.branches', both, [fc, fc], 1);
  const [classification, regression] = paths.map((path, i) => denseRelu(b, weights, `${path}.fc2`, hidden[i]!, fc, fc));
  return { classification: classification!, regression: regression! };
}

function twoDense(b: GraphBuilder, weights: Weights, path: string, rows: Value, inputs: number, fc: number): Value {
  return denseRelu(b, weights, `${path}.fc2`, denseRelu(b, weights, `${path}.fc1`, rows, inputs, fc), fc, fc);
}

function denseRelu(b: GraphBuilder, weights: Weights, path: string, x: Value, inputs: number, outputs: number): Value {
  return b.op(`${path}.relu`, 'Relu', [
    buildDense(b, path, x, inputs, outputs, denseWeights(weights, path, inputs, outputs)),
  ]);
}

function denseWeights(weights: Weights, path: string, inputs: number, outputs: number) {
  return { weight: weights.get(`${path}.weight`, [outputs, inputs]), bias: weights.get(`${path}.bias`, [outputs]) };
}

/** Regressor whose outputs are in units of the prior's sides instead of standard deviations. */
function scaledRegressor(weights: Weights, path: string, inputs: number, outputs: number, stds: Stds) {
  const { weight, bias } = denseWeights(weights, path, inputs, outputs);
  return {
    weight: Float64Array.from(weight, (value, i) => value * stds[Math.floor(i / inputs) % 4]!),
    bias: Float64Array.from(bias, (value, i) => value * stds[i % 4]!),
  };
}
