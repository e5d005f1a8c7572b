/** Shapes in this module: B images, R proposals of one image, C classes; boxes flat xyxy px. */
import type { Detection, KeptBox, ScoredRegions } from '@plumbline/core/geometry';
import {
  conventions,
  detectPerClass,
  isAtLeast,
  pairsAbove,
  suppressAbove,
  suppressSoftly,
} from '@plumbline/core/geometry';
import { boxToSource, type ImageRgb, type Placement, paddedSide, placeByRule, placeImage } from '@plumbline/core/image';
import * as tf from '@tensorflow/tfjs-core';
import { inScope, type Reading, read, readSync } from '../engines/index.js';
import { type DetectorModel, modelAnchors, runTrunk } from './detector-model.js';
import { inferenceContext } from './layers.js';
import { selectCandidates, suppressCandidates } from './proposals.js';
import { type HeadOutput, testHeadsReading } from './test-heads.js';

/** Resizes (bilinear, half-pixel centres, no antialiasing), normalises, then pads with zeros: [1, H, W, 3]. */
export function toNetworkInput(image: ImageRgb, model: DetectorModel, placement: Placement): tf.Tensor4D {
  const { imageSizeHw, normalization, test } = model.config;
  const networkHw = test.resize ? placement.sizeHw.map(paddedSide) : imageSizeHw;
  return tf.tidy(() => {
    const pixels = tf.tensor4d(Float32Array.from(image.data), [1, image.height, image.width, 3]);
    const [h, w] = placement.sizeHw;
    const resized =
      h === image.height && w === image.width ? pixels : tf.image.resizeBilinear(pixels, [h, w], false, true);
    const normalized = tf.div(tf.sub(resized, normalization.mean), normalization.std) as tf.Tensor4D;
    return tf.pad4d(normalized, [
      [0, 0],
      [0, networkHw[0]! - h],
      [0, networkHw[1]! - w],
      [0, 0],
    ]);
  });
}

/**
 * Final boxes of one image in its own pixels, by descending score.
 * Scores come from the one classifier on the proposals; boxes from the cascade of regressors.
 * Source: Decoupled R-CNN section III-E; decoupled-rcnn specification section 5.
 */
export async function detectImage(
  model: DetectorModel,
  image: ImageRgb,
  scoreThreshold = model.config.test.scoreThreshold,
): Promise<Detection[]> {
  const { output, placement } = await headsOfImage(model, image);
  return toSource(model, finalDetections(model, output, scoreThreshold), image, placement);
}

/**
 * As {@link detectImage}, with what it chooses from: every region with each class that it scores above the threshold,
 * before suppression, in source px.
 */
export async function explainImage(
  model: DetectorModel,
  image: ImageRgb,
): Promise<{ readonly regions: Detection[]; readonly detections: Detection[] }> {
  const { output, placement } = await headsOfImage(model, image);
  const { scoreThreshold } = model.config.test;
  const regions = pairsAbove(regionsOf(model, output), scoreThreshold);
  return {
    regions: toSource(model, regions, image, placement),
    detections: toSource(model, finalDetections(model, output, scoreThreshold), image, placement),
  };
}

async function headsOfImage(
  model: DetectorModel,
  image: ImageRgb,
): Promise<{ readonly output: HeadOutput; readonly placement: Placement }> {
  const sourceHw: [number, number] = [image.height, image.width];
  const placement = model.config.test.resize
    ? placeByRule(sourceHw, model.config.test.resize, model.config.model.conventions)
    : placeImage(sourceHw, model.config.imageSizeHw);
  const outputs = await inScope(() => headOutputs(model, toNetworkInput(image, model, placement), [placement.sizeHw]));
  return { output: outputs[0]!, placement };
}

function toSource(
  model: DetectorModel,
  found: readonly Pick<NetworkDetection, 'classId' | 'score' | 'boxXyxy'>[],
  image: ImageRgb,
  placement: Placement,
): Detection[] {
  return found.map(({ classId, score, boxXyxy }) => ({
    classId,
    className: model.classes[classId]!,
    score,
    boxXyxy: boxToSource(boxXyxy, placement, image),
  }));
}

/** A final box in pixels of the network input. */
export interface NetworkDetection {
  readonly classId: number;
  readonly score: number;
  readonly boxXyxy: readonly [number, number, number, number];
  /** Row of the proposal that it came from. */
  readonly proposal: number;
}

/**
 * @param input  [1, H, W, 3] normalised
 * @param clipHw unpadded [height, width] px that boxes are clipped to
 */
export function detectOnInput(
  model: DetectorModel,
  input: tf.Tensor4D,
  clipHw: readonly [number, number],
  scoreThreshold: number,
): NetworkDetection[] {
  return detectOnBatch(model, input, [clipHw], scoreThreshold)[0]!;
}

/**
 * Detections of each image, equal to those of the image alone.
 * @param input        [B, H, W, 3] normalised
 * @param clipHwOfImage unpadded [height, width] px of each image
 */
export function detectOnBatch(
  model: DetectorModel,
  input: tf.Tensor4D,
  clipHwOfImage: readonly (readonly [number, number])[],
  scoreThreshold: number,
): NetworkDetection[][] {
  let outputs: HeadOutput[] = [];
  tf.tidy(() => {
    outputs = readSync(headOutputs(model, input, clipHwOfImage));
  });
  return outputs.map((output) => finalDetections(model, output, scoreThreshold));
}

/** Scores and boxes of each image's proposals. */
function* headOutputs(
  model: DetectorModel,
  input: tf.Tensor4D,
  clipHwOfImage: readonly (readonly [number, number])[],
): Reading<HeadOutput[]> {
  const trunk = runTrunk(model, input, inferenceContext);
  const { testPreNms, testPostNms, nmsClassification } = model.config.proposals;
  const logits = yield* read(trunk.logits);
  const deltas = yield* read(trunk.deltas);
  const anchors = modelAnchors(model.config, [input.shape[1], input.shape[2]]);
  const rules = conventions[model.config.model.conventions];
  const count = logits.length / clipHwOfImage.length;
  const outputs: HeadOutput[] = [];
  for (const [b, clipHw] of clipHwOfImage.entries()) {
    const ofImage = (values: Float32Array, width: number) =>
      values.subarray(b * count * width, (b + 1) * count * width);
    const candidates = selectCandidates(ofImage(logits, 1), ofImage(deltas, 4), anchors, testPreNms, clipHw, rules);
    const { boxesXyxy } = suppressCandidates(candidates, nmsClassification, testPostNms);
    outputs.push(yield* testHeadsReading(model, trunk.pyramid, b, boxesXyxy, clipHw));
  }
  return outputs;
}

/** Threshold, suppression per class and the best `maxDetections` over all classes. */
function finalDetections(model: DetectorModel, output: HeadOutput, scoreThreshold: number): NetworkDetection[] {
  return detectPerClass(regionsOf(model, output), model.config.test.maxDetections, (boxesXyxy, scores) =>
    suppress(model, boxesXyxy, scores, scoreThreshold),
  ).map(({ region, ...found }) => ({ ...found, proposal: region }));
}

/** The last column of the probabilities is the background's. */
function regionsOf(model: DetectorModel, { probabilities, boxes, isClassSpecific, count }: HeadOutput): ScoredRegions {
  const classes = model.classes.length;
  const scoreOf = (r: number, c: number) => probabilities[r * (classes + 1) + c]!;
  return { count, classes, boxesXyxy: boxes, isClassSpecific, scoreOf };
}

/** Boxes of one class that stay, with the scores that they stay with. */
function suppress(
  model: DetectorModel,
  boxesXyxy: Float32Array,
  scores: Float32Array,
  scoreThreshold: number,
): KeptBox[] {
  const { nmsIou, softNms } = model.config.test;
  const { minDetectionSide } = conventions[model.config.model.conventions];
  const isLarge = (i: number) => minDetectionSide === 0 || isAtLeast(boxesXyxy, i, minDetectionSide);
  const eligible = scores.map((score, i) => (isLarge(i) ? score : Number.NEGATIVE_INFINITY));
  return softNms
    ? suppressSoftly(boxesXyxy, eligible, scoreThreshold, nmsIou, softNms.minScore)
    : suppressAbove(boxesXyxy, eligible, scoreThreshold, nmsIou);
}
