/** Shapes in this module: R proposals of one image, C classes; boxes flat xyxy px. */
import type { Detection } from '@plumbline/core/geometry';
import { decodeBoxes, nms, stageStds } from '@plumbline/core/geometry';
import type { ImageRgb } from '@plumbline/core/image';
import * as tf from '@tensorflow/tfjs-core';
import { type DetectorModel, modelAnchors, runTrunk } from './detector-model.js';
import { dense, inferenceContext } from './layers.js';
import { type Proposals, selectCandidates, suppressCandidates } from './proposals.js';
import { runBranch } from './roi-heads.js';
import { poolRois } from './roi-pool.js';

/** How a source image lies inside the network input: scaled with its ratio kept, padded at the right and bottom. */
export interface Placement {
  readonly sizeHw: readonly [number, number];
  readonly scaleY: number;
  readonly scaleX: number;
}

/** Scale that fits `sourceHw` into `networkHw`; sides are rounded half up. */
export function placeImage(sourceHw: readonly [number, number], networkHw: readonly [number, number]): Placement {
  const scale = Math.min(networkHw[0] / sourceHw[0], networkHw[1] / sourceHw[1]);
  const h = Math.min(networkHw[0], Math.floor(sourceHw[0] * scale + 0.5));
  const w = Math.min(networkHw[1], Math.floor(sourceHw[1] * scale + 0.5));
  return { sizeHw: [h, w], scaleY: h / sourceHw[0], scaleX: w / sourceHw[1] };
}

/** Resizes (bilinear, half-pixel centres, no antialiasing), normalises, then pads with zeros: [1, H, W, 3]. */
export function toNetworkInput(image: ImageRgb, model: DetectorModel, placement: Placement): tf.Tensor4D {
  const { imageSizeHw, normalization } = model.config;
  return tf.tidy(() => {
    const pixels = tf.tensor4d(Float32Array.from(image.data), [1, image.height, image.width, 3]);
    const [h, w] = placement.sizeHw;
    const resized =
      h === image.height && w === image.width ? pixels : tf.image.resizeBilinear(pixels, [h, w], false, true);
    const normalized = tf.div(tf.sub(resized, normalization.mean), normalization.std) as tf.Tensor4D;
    return tf.pad4d(normalized, [
      [0, 0],
      [0, imageSizeHw[0] - h],
      [0, imageSizeHw[1] - w],
      [0, 0],
    ]);
  });
}

/**
 * Final boxes of one image in its own pixels, by descending score.
 * Scores come from the one classifier on the proposals; boxes from the cascade of regressors.
 * Source: Decoupled R-CNN section III-E; decoupled-rcnn specification section 5.
 */
export function detectImage(
  model: DetectorModel,
  image: ImageRgb,
  scoreThreshold = model.config.test.scoreThreshold,
): Detection[] {
  const placement = placeImage([image.height, image.width], model.config.imageSizeHw);
  const input = toNetworkInput(image, model, placement);
  const found = detectOnInput(model, input, placement.sizeHw, scoreThreshold);
  input.dispose();
  const { scaleX, scaleY } = placement;
  return found.map(({ classId, score, boxXyxy: [x1, y1, x2, y2] }) => ({
    classId,
    className: model.classes[classId]!,
    score,
    boxXyxy: [
      Math.min(image.width, x1 / scaleX),
      Math.min(image.height, y1 / scaleY),
      Math.min(image.width, x2 / scaleX),
      Math.min(image.height, y2 / scaleY),
    ],
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
  let output: HeadOutput | undefined;
  tf.tidy(() => {
    const trunk = runTrunk(model, input, inferenceContext);
    const { testPreNms, testPostNms, nmsClassification } = model.config.proposals;
    const logits = trunk.logits.dataSync() as Float32Array;
    const deltas = trunk.deltas.dataSync() as Float32Array;
    const candidates = selectCandidates(logits, deltas, modelAnchors(model.config), testPreNms, clipHw);
    const proposals = suppressCandidates(candidates, nmsClassification, testPostNms);
    output = runHeads(model, trunk.pyramid, proposals, clipHw);
  });
  return finalDetections(model, output!, scoreThreshold);
}

interface HeadOutput {
  /** [R, C + 1] after the softmax. */
  probabilities: Float32Array;
  /** [R, C, 4] for one regressor, [R, 4] shared by the classes for several. */
  boxes: Float32Array;
  count: number;
}

function runHeads(
  model: DetectorModel,
  pyramid: tf.Tensor4D[],
  proposals: Proposals,
  clipHw: readonly [number, number],
): HeadOutput {
  const classes = model.classes.length;
  const { head, regressors } = model.config.model;
  const count = proposals.scores.length;
  const batchIndex = new Int32Array(count);
  const pool = (boxesXyxy: Float32Array) => poolRois(pyramid, { boxesXyxy, batchIndex }, head);
  const features = pool(proposals.boxesXyxy);
  const { classification } = model.roiHeads;
  const logitsTensor = dense(runBranch(features, classification.branch), classification.logits);
  const logits = logitsTensor.dataSync() as Float32Array;
  const probabilities = Float32Array.from(tf.softmax(logitsTensor).dataSync());
  const first = model.roiHeads.regressors[0]!;
  const deltas = dense(runBranch(features, first.branch), first.deltas).dataSync() as Float32Array;
  if (regressors === 1) {
    return { probabilities, boxes: decodeBoxes(proposals.boxesXyxy, deltas, stageStds[0]!, clipHw), count };
  }
  const picked = new Float32Array(count * 4);
  for (let i = 0; i < count; i++) {
    let best = 0;
    for (let c = 1; c < classes; c++) if (logits[i * (classes + 1) + c]! > logits[i * (classes + 1) + best]!) best = c;
    picked.set(deltas.subarray(4 * (i * classes + best), 4 * (i * classes + best) + 4), 4 * i);
  }
  let boxes = decodeBoxes(proposals.boxesXyxy, picked, stageStds[0]!, clipHw);
  for (let k = 1; k < regressors; k++) {
    const stage = model.roiHeads.regressors[k]!;
    const stageDeltas = dense(runBranch(pool(boxes), stage.branch), stage.deltas).dataSync() as Float32Array;
    boxes = decodeBoxes(boxes, stageDeltas, stageStds[k]!, clipHw);
  }
  return { probabilities, boxes, count };
}

/** Threshold, NMS per class and the best `maxDetections` over all classes. */
function finalDetections(
  model: DetectorModel,
  { probabilities, boxes, count }: HeadOutput,
  scoreThreshold: number,
): NetworkDetection[] {
  const classes = model.classes.length;
  const classSpecific = model.config.model.regressors === 1;
  const { nmsIou, maxDetections } = model.config.test;
  const found: NetworkDetection[] = [];
  for (let c = 0; c < classes; c++) {
    const scores = Float32Array.from({ length: count }, (_, i) => probabilities[i * (classes + 1) + c]!);
    const order = [...scores.keys()]
      .filter((i) => scores[i]! > scoreThreshold)
      .sort((a, b) => scores[b]! - scores[a]! || a - b);
    const at = (i: number) => (classSpecific ? 4 * (i * classes + c) : 4 * i);
    const classBoxes = classSpecific
      ? Float32Array.from({ length: 4 * count }, (_, k) => boxes[at(k >> 2) + (k & 3)]!)
      : boxes;
    for (const i of nms(classBoxes, order, nmsIou)) {
      const [x1, y1, x2, y2] = boxes.subarray(at(i), at(i) + 4) as unknown as [number, number, number, number];
      found.push({ classId: c, score: scores[i]!, boxXyxy: [x1, y1, x2, y2], proposal: i });
    }
  }
  return found.sort((a, b) => b.score - a.score || a.classId - b.classId).slice(0, maxDetections);
}
