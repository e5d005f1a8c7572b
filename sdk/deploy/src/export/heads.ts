/**
 * Shapes in this module: R proposals, R' of them with a score above the threshold (n > 1; all for n = 1 and in static
 * graphs),
 * C foreground classes, F fully connected channels.
 */
import { hasStageClassifiers, type TrainConfig } from '@plumbline/contract';
import { concatFloat32, conventions, type Stds, stageStds } from '@plumbline/core/geometry';
import { buildDecode, buildIsAtLeast } from './box-decode.js';
import type { Weights } from './checkpoint.js';
import { buildConvBranch, convBranchOutputs } from './conv-branch.js';
import { buildDense } from './dense.js';
import type { GraphBuilder, Value } from './graph-builder.js';
import type { Proposals } from './proposals.js';
import { buildRoiFeatures, restoreOrder } from './roi-features.js';

export interface HeadOutput {
  /** float [R', C]: softmax of the first stage without its background column. */
  readonly probabilities: Value;
  /** float [R', 4] shared by all classes (n > 1) or [R', C, 4] (n = 1), network px. */
  readonly boxes: Value;
  readonly isClassSpecific: boolean;
  /** int64 [R']: the image of each. */
  readonly image: Value;
}

/**
 * Stage by stage: classifier (the first stage, or every one), then regressor; each regressor moves the boxes of the one
 * before, on features pooled anew. A class-specific first one moves them by the delta of the best foreground class, unless
 * its boxes are the result. Scores of several classifiers are averaged. The stds of the box coder are folded into the last
 * layer of each regressor.
 * Source: Wang et al., "Decoupled R-CNN", IEEE TCSVT 2022, sections III-B and III-C; Cascade R-CNN (arXiv:1712.00726);
 * Double-Head (arXiv:1904.06493).
 */
export function buildHeads(
  b: GraphBuilder,
  weights: Weights,
  { model, test }: Pick<TrainConfig, 'model' | 'test'>,
  classCount: number,
  pyramid: readonly Value[],
  proposals: Proposals,
  limits: Value,
): HeadOutput {
  const isStatic = proposals.isProposal !== undefined;
  const { clamp, minDetectionSide } = conventions[model.conventions];
  const classifiers = hasStageClassifiers(model) ? model.regressors : 1;
  const wanted = test.classifier === null ? Array.from({ length: classifiers }, (_, k) => k + 1) : [test.classifier];
  const lastRegressor = test.regressor ?? model.regressors;
  const lastStage = Math.max(lastRegressor, ...wanted);
  const logits: Value[] = [];
  let priors = proposals.boxes;
  let { image } = proposals;
  let boxes: Value | undefined;
  let isClassSpecific = false;
  let probabilities: Value | undefined;
  let kept: Value | undefined;
  for (let stage = 1; stage <= lastStage; stage++) {
    const path = `roi_head.stage${stage}`;
    const isClassified = stage <= classifiers && (stage === 1 || wanted.includes(stage));
    const isRegressed = boxes === undefined || stage < lastStage;
    const isSpecific = stage === 1 && model.kind !== 'cascade' && model.head.firstRegressor === 'classSpecific';
    const outputs = isSpecific ? 4 * classCount : 4;
    const shape = {
      b,
      weights,
      model,
      pyramid,
      image,
      isStatic,
      path,
      isClassified,
      isRegressed,
      hasOwnClassifier: stage <= classifiers,
    };
    const found = buildStage(shape, priors, classCount, outputs, stageStds[stage - 1]!);
    if (found.logits && wanted.includes(stage)) logits.push(found.logits);
    if (!found.deltas) break;
    const perClass = () => b.reshape(`${path}.deltas`, found.deltas!, [-1, classCount, 4]);
    if (isSpecific && stage === lastRegressor) {
      const rows = b.op('roi_head.priors', 'Unsqueeze', [priors, b.ints([1])]);
      boxes = buildDecode(b, `${path}.decode`, rows, perClass(), limits, clamp);
      isClassSpecific = true;
      if (stage === lastStage) break;
    }
    let deltas = isSpecific ? bestDeltas(b, perClass(), found.logits!, classCount) : found.deltas;
    // Rows that no class scores leave no trace, unless a later classifier has a say as well.
    if (!isStatic && stage === 1 && lastStage > 1 && wanted.length === 1 && wanted[0] === 1 && boxes === undefined) {
      probabilities = foreground(b, averageScores(b, logits, test.average), classCount);
      kept = scoredRows(b, probabilities, test.scoreThreshold);
      priors = b.op('roi_head.kept.proposals', 'Gather', [priors, kept]);
      deltas = b.op('roi_head.kept.deltas', 'Gather', [deltas, kept]);
      image = b.op('roi_head.kept.image', 'Gather', [image, kept]);
    }
    priors = buildDecode(b, boxes === undefined ? `${path}.decode` : `${path}.next`, priors, deltas, limits, clamp);
    if (stage === lastRegressor) boxes ??= priors;
  }
  probabilities ??= foreground(b, averageScores(b, logits, test.average), classCount);
  const rows = kept ? b.op('roi_head.kept.probabilities', 'Gather', [probabilities, kept]) : probabilities;
  if (minDetectionSide === 0) return { probabilities: rows, boxes: boxes!, isClassSpecific, image };
  const isLarge = buildIsAtLeast(b, 'roi_head.detectionSide', boxes!, minDetectionSide);
  const isLargePair = isClassSpecific ? b.op('roi_head.isLargePair', 'Squeeze', [isLarge, b.ints([2])]) : isLarge;
  const large = b.op('roi_head.largeProbabilities', 'Where', [isLargePair, rows, b.floats([0])]);
  return { probabilities: large, boxes: boxes!, isClassSpecific, image };
}

interface StageShape {
  readonly b: GraphBuilder;
  readonly weights: Weights;
  readonly model: TrainConfig['model'];
  readonly pyramid: readonly Value[];
  /** int64 [R]. */
  readonly image: Value;
  readonly isStatic: boolean;
  readonly path: string;
  readonly isClassified: boolean;
  readonly isRegressed: boolean;
  /** A stage with a classifier may share its layers. */
  readonly hasOwnClassifier: boolean;
}

/** @returns logits [R, C + 1] and deltas [R, outputs], in the order of the boxes */
function buildStage(
  { b, weights, model, pyramid, image, isStatic, path, isClassified, isRegressed, hasOwnClassifier }: StageShape,
  boxes: Value,
  classCount: number,
  outputs: number,
  stds: Stds,
): { logits?: Value; deltas?: Value } {
  const { fcChannels: fc, roiSize, samplingRatio, aligned, shared, branch, regressionRoiScale: scale } = model.head;
  const { channels } = model.fpn;
  const { levelRule } = conventions[model.conventions];
  const inputs = channels * roiSize * roiSize;
  const pool = (name: string, sideScale: number) =>
    buildRoiFeatures(
      b,
      `${path}.${name}`,
      pyramid,
      { boxes, image },
      { channels, roiSize, samplingRatio, aligned, sideScale, isStatic, levelRule },
    );
  const classified = isClassified ? pool('pool', 1) : undefined;
  const regressed = isRegressed
    ? scale === 1
      ? (classified ?? pool('pool', 1))
      : pool('regressionPool', scale)
    : undefined;
  const isShared = shared && hasOwnClassifier;
  const clsBranch = `${path}.${shared ? 'shared_fcs' : 'cls_fcs'}`;
  let clsHidden: Value | undefined;
  let regHidden: Value | undefined;
  if (classified && classified === regressed && !isShared && branch === 'fc') {
    [clsHidden, regHidden] = separateBranches(b, weights, path, classified.rows, inputs, fc);
  } else if (classified) clsHidden = twoDense(b, weights, clsBranch, classified.rows, inputs, fc);
  if (regressed && !regHidden) {
    const { rows } = regressed;
    if (isShared) regHidden = regressed === classified ? clsHidden! : twoDense(b, weights, clsBranch, rows, inputs, fc);
    else if (branch === 'conv') regHidden = buildConvBranch(b, weights, `${path}.reg_branch`, rows, channels, roiSize);
    else regHidden = twoDense(b, weights, `${path}.reg_branch`, rows, inputs, fc);
  }
  const found: { logits?: Value; deltas?: Value } = {};
  if (clsHidden) {
    const layer = `${path}.fc_cls`;
    const rows = buildDense(b, layer, clsHidden, fc, classCount + 1, denseWeights(weights, layer, fc, classCount + 1));
    found.logits = restoreOrder(b, layer, rows, classified!.roiOfRow);
  }
  if (regHidden) {
    const layer = `${path}.fc_reg`;
    const width = branch === 'conv' && !isShared ? convBranchOutputs(channels) : fc;
    const rows = buildDense(b, layer, regHidden, width, outputs, scaledRegressor(weights, layer, width, outputs, stds));
    found.deltas = restoreOrder(b, layer, rows, regressed!.roiOfRow);
  }
  return found;
}

/** The delta [R, 4] of the foreground class with the highest logit, even where the background's is higher. */
function bestDeltas(b: GraphBuilder, deltas: Value, logits: Value, classCount: number): Value {
  const best = b.op('roi_head.bestClass', 'ArgMax', [foreground(b, logits, classCount)], { axis: 1, keepdims: 1 });
  return b.op('roi_head.bestDeltas', 'GatherND', [deltas, best], { batch_dims: 1 });
}

function foreground(b: GraphBuilder, value: Value, classCount: number): Value {
  return b.op('roi_head.foreground', 'Slice', [value, b.ints([0]), b.ints([classCount]), b.ints([1])]);
}

function softmax(b: GraphBuilder, name: string, logits: Value): Value {
  return b.op(name, 'Softmax', [logits], { axis: 1 });
}

/** [R, C + 1] mean over the classifiers, of their probabilities or of their logits. */
function averageScores(b: GraphBuilder, logits: readonly Value[], of: TrainConfig['test']['average']): Value {
  const mean = (values: readonly Value[]) =>
    values.length === 1 ? values[0]! : b.op('roi_head.average', 'Mean', values);
  if (of === 'logits') return softmax(b, 'roi_head.scores', mean(logits));
  return mean(logits.map((each, k) => softmax(b, `roi_head.scores${k + 1}`, each)));
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
  const best = b.op('roi_head.bestScore', 'ReduceMax', [highest], { keepdims: 0 });
  const threshold = b.op('roi_head.threshold', 'Min', [best, b.floats([scoreThreshold], [])]);
  const isScored = b.op('roi_head.isScored', 'GreaterOrEqual', [highest, threshold]);
  return b.op('roi_head.scored', 'Squeeze', [b.op('roi_head.scoredIndex', 'NonZero', [isScored]), b.ints([0])]);
}

/** The first layers of both branches read the same rows: one product of 2F columns computes both. @returns [R, F] each */
function separateBranches(
  b: GraphBuilder,
  weights: Weights,
  path: string,
  rows: Value,
  inputs: number,
  fc: number,
): [classification: Value, regression: Value] {
  const paths = [`${path}.cls_fcs`, `${path}.reg_branch`];
  const firsts = paths.map((branch) => denseWeights(weights, `${branch}.fc1`, inputs, fc));
  const joined = {
    weight: concatFloat32(firsts.map((layer) => layer.weight)),
    bias: concatFloat32(firsts.map((layer) => layer.bias)),
  };
  const both = b.op(`${path}.fc1.relu`, 'Relu', [buildDense(b, `${path}.fc1`, rows, inputs, 2 * fc, joined)]);
  const hidden = b.split(`${path}.branches`, both, [fc, fc], 1);
  const [classification, regression] = paths.map((branch, i) =>
    denseRelu(b, weights, `${branch}.fc2`, hidden[i]!, fc, fc),
  );
  return [classification!, regression!];
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
