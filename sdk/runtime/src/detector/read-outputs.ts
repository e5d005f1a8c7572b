/** Shapes in this module: N rows of a table or final boxes, R regions, C classes of the model. */
import type { ModelOutputs } from '@plumbline/contract';
import {
  type Detection,
  detectPerClass,
  type ScoredRegions,
  suppressAbove,
  suppressSoftly,
} from '@plumbline/core/geometry';
import { boxToSource, type ImageRgb } from '@plumbline/core/image';
import type { Tensor } from 'onnxruntime-node';
import type { FramePlacement } from '../session/feed.js';

type ResultTensor = Pick<Tensor, 'data' | 'dims'>;
export type OutputTensors = Readonly<Record<string, ResultTensor>>;

export interface ReadContext {
  /** In class-id order. */
  readonly classes: readonly string[];
  /** Lowest score returned. */
  readonly scoreThreshold: number;
  readonly frame: Pick<ImageRgb, 'width' | 'height'>;
  readonly placement: FramePlacement;
}

type BoxXyxy = [number, number, number, number];
type Found = { readonly classId: number; readonly score: number; readonly boxXyxy: BoxXyxy };

/** Names of the outputs that a description reads. */
export function outputNames(outputs: ModelOutputs): string[] {
  switch (outputs.kind) {
    case 'regions':
      return [outputs.boxes, outputs.scores];
    case 'candidates':
    case 'finalTable':
      return [outputs.table];
    default:
      return [outputs.boxes, outputs.scores, outputs.classes];
  }
}

/**
 * Detections in source px, by descending score, from what a graph returned.
 * @param refuse makes the error for results that do not fit their description
 */
export function readDetections(
  outputs: ModelOutputs,
  results: OutputTensors,
  context: ReadContext,
  refuse: (problem: string) => Error,
): Detection[] {
  const wrong = (expected: string) => {
    const found = outputNames(outputs).map(
      (name) => `${name} ${typeName(results[name]!.data)} [${results[name]!.dims}]`,
    );
    return refuse(`outputs are ${found.join(', ')}, expected ${expected}`);
  };
  const { classes, scoreThreshold } = context;
  const isInSource = outputs.kind === undefined || outputs.kind === 'final' ? outputs.boxesIn !== 'network' : false;
  return (
    read(outputs, results, context, wrong)
      // Rows of score 0 fill a table up to its fixed length.
      .filter(({ score }) => score >= scoreThreshold && score > 0)
      .map(({ classId, score, boxXyxy }) => {
        const className = classes[classId];
        if (className === undefined) throw refuse(`it returns class ${classId}, the manifest names ${classes.length}`);
        return {
          classId,
          className,
          score,
          boxXyxy: isInSource ? boxXyxy : boxToSource(boxXyxy, context.placement, context.frame),
        };
      })
  );
}

function read(
  outputs: ModelOutputs,
  results: OutputTensors,
  context: ReadContext,
  wrong: (expected: string) => Error,
): Found[] {
  switch (outputs.kind) {
    case 'regions':
    case 'candidates': {
      const regions =
        outputs.kind === 'regions'
          ? readRegions(outputs, results, context.classes.length, wrong)
          : readCandidates(outputs, results, context.classes.length, wrong);
      const { nmsIou, maxDetections } = outputs;
      const softNms = outputs.kind === 'regions' ? outputs.softNms : undefined;
      return detectPerClass(regions, maxDetections, (boxes, scores) =>
        softNms
          ? suppressSoftly(boxes, scores, context.scoreThreshold, nmsIou, softNms.minScore)
          : suppressAbove(boxes, scores, context.scoreThreshold, nmsIou),
      );
    }
    case 'finalTable': {
      const { data, dims } = results[outputs.table]!;
      if (!(data instanceof Float32Array) || dims.length !== 3 || dims[0] !== 1 || dims[2] !== 6)
        throw wrong('a float table [1, N, 6]');
      return Array.from({ length: dims[1]! }, (_, i) => {
        const [x1, y1, x2, y2, score, classId] = data.subarray(6 * i, 6 * i + 6) as unknown as number[];
        return { classId: classId!, score: score!, boxXyxy: [x1!, y1!, x2!, y2!] as BoxXyxy };
      }).sort((a, b) => b.score - a.score);
    }
    default:
      return readFinal(outputs, results, wrong);
  }
}

function readFinal(
  outputs: Extract<ModelOutputs, { boxes: string; classes: string }>,
  results: OutputTensors,
  wrong: (expected: string) => Error,
): Found[] {
  const [boxes, scores, classes] = [outputs.boxes, outputs.scores, outputs.classes].map((name) => results[name]!) as [
    ResultTensor,
    ResultTensor,
    ResultTensor,
  ];
  const count = scores.data.length;
  const isRight =
    boxes.data instanceof Float32Array &&
    scores.data instanceof Float32Array &&
    (classes.data instanceof BigInt64Array ||
      classes.data instanceof Int32Array ||
      classes.data instanceof Float32Array) &&
    hasShape(boxes, [count, 4]) &&
    hasShape(scores, [count]) &&
    hasShape(classes, [count]);
  if (!isRight) throw wrong('float boxes [N,4], float scores [N], classes [N]');
  const [xyxy, values] = [boxes.data as Float32Array, scores.data as Float32Array];
  const first = outputs.firstClass ?? 0;
  return Array.from(values, (score, i) => ({
    classId: Number(classes.data[i]) - first,
    score,
    boxXyxy: [xyxy[4 * i]!, xyxy[4 * i + 1]!, xyxy[4 * i + 2]!, xyxy[4 * i + 3]!] as BoxXyxy,
  }))
    .filter(({ classId }) => classId >= 0)
    .sort((a, b) => b.score - a.score);
}

/** With or without an axis of 1 in front. */
function hasShape({ dims }: ResultTensor, expected: readonly number[]): boolean {
  return `${dims}` === `${expected}` || `${dims}` === `${[1, ...expected]}`;
}

function readRegions(
  outputs: Extract<ModelOutputs, { kind: 'regions' }>,
  results: OutputTensors,
  classes: number,
  wrong: (expected: string) => Error,
): ScoredRegions {
  const [boxes, scores] = [results[outputs.boxes]!, results[outputs.scores]!];
  const count = scores.dims[0]!;
  const isClassSpecific = boxes.dims.length === 3;
  const shape = isClassSpecific ? [count, classes, 4] : [count, 4];
  const isRight =
    boxes.data instanceof Float32Array &&
    scores.data instanceof Float32Array &&
    `${scores.dims}` === `${[count, classes]}` &&
    `${boxes.dims}` === `${shape}`;
  if (!isRight) throw wrong(`float boxes [R,4] or [R,${classes},4] and scores [R,${classes}]`);
  const values = scores.data as Float32Array;
  return {
    count,
    classes,
    isClassSpecific,
    boxesXyxy: boxes.data as Float32Array,
    scoreOf: (r, c) => values[r * classes + c]!,
  };
}

/** Rows whose best score is above nothing are left out by the suppression; boxes become xyxy here. */
function readCandidates(
  { table, candidatesAre, boxFormat, hasObjectness }: Extract<ModelOutputs, { kind: 'candidates' }>,
  results: OutputTensors,
  classes: number,
  wrong: (expected: string) => Error,
): ScoredRegions {
  const { data, dims } = results[table]!;
  const first = hasObjectness ? 5 : 4;
  const values = first + classes;
  const isRows = candidatesAre === 'rows';
  const count = dims[isRows ? 1 : 2] ?? 0;
  if (!(data instanceof Float32Array) || dims.length !== 3 || dims[0] !== 1 || dims[isRows ? 2 : 1] !== values)
    throw wrong(`a float table ${isRows ? `[1,N,${values}]` : `[1,${values},N]`} for ${classes} classes`);
  // Value v of candidate i stands at i * step + v * stride.
  const [step, stride] = isRows ? [values, 1] : [1, count];
  const boxesXyxy = new Float32Array(4 * count);
  for (let i = 0, from = 0, to = 0; i < count; i++, from += step, to += 4) {
    const [a, b] = [data[from]!, data[from + stride]!];
    const [c, d] = [data[from + 2 * stride]!, data[from + 3 * stride]!];
    const isCorners = boxFormat === 'xyxy';
    boxesXyxy[to] = isCorners ? a : a - c / 2;
    boxesXyxy[to + 1] = isCorners ? b : b - d / 2;
    boxesXyxy[to + 2] = isCorners ? c : a + c / 2;
    boxesXyxy[to + 3] = isCorners ? d : b + d / 2;
  }
  const objectness = (i: number) => (hasObjectness ? data[i * step + 4 * stride]! : 1);
  const scoreOf = (i: number, c: number) => objectness(i) * data[i * step + (first + c) * stride]!;
  const scoresOf = (c: number) => {
    const at = (first + c) * stride;
    // A class of a table in columns is one piece of it: with 80 classes of 4032 candidates a frame with 300 detections is
    // read in 3 ms, one by one in 16.
    if (!isRows && !hasObjectness) return data.subarray(at, at + count);
    const scores = new Float32Array(count);
    for (let i = 0, from = at; i < count; i++, from += step) scores[i] = objectness(i) * data[from]!;
    return scores;
  };
  return { count, classes, isClassSpecific: false, boxesXyxy, scoreOf, scoresOf };
}

function typeName(data: Tensor['data']): string {
  return Array.isArray(data) ? 'string' : data.constructor.name.replace('Array', '').toLowerCase();
}
