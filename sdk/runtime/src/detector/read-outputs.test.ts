import type { ModelOutputs } from '@plumbline/contract';
import { describe, expect, it } from 'vitest';
import { type OutputTensors, readDetections } from './read-outputs.js';

/** A frame of 100 x 50 px lies in a network image of 64 x 64 px, 16 px from the top. */
const placement = { scaleX: 0.64, scaleY: 0.64, left: 0, top: 16 };
const unmoved = { scaleX: 1, scaleY: 1, left: 0, top: 0 };

function read(
  outputs: ModelOutputs,
  results: Record<string, [readonly number[], OutputTensors[string]['data']]>,
  at = placement,
) {
  const tensors = Object.fromEntries(Object.entries(results).map(([name, [dims, data]]) => [name, { dims, data }]));
  const context = { classes: ['a', 'b'], scoreThreshold: 0.1, frame: { width: 100, height: 50 }, placement: at };
  return readDetections(outputs, tensors as OutputTensors, context, (problem) => new Error(problem)).map(
    ({ className, score, boxXyxy }) => [
      className,
      Number(score.toFixed(4)),
      ...boxXyxy.map((v) => Number(v.toFixed(3))),
    ],
  );
}

const floats = (...values: number[]) => Float32Array.from(values);

describe('readDetections of final boxes', () => {
  const outputs: ModelOutputs = {
    kind: 'final',
    boxes: 'boxes',
    scores: 'scores',
    classes: 'labels',
    boxesIn: 'network',
    firstClass: 1,
  };
  const boxes = floats(1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 9, 9);

  it.each([
    ['int64', BigInt64Array.of(2n, 1n, 0n)],
    ['int32', Int32Array.of(2, 1, 0)],
    ['float', floats(2, 1, 0)],
  ])('takes classes of type %s from 1 on, leaves the background out and sorts by score', (_, labels) => {
    const found = read(
      outputs,
      { boxes: [[3, 4], boxes], scores: [[3], floats(0.3, 0.6, 0.9)], labels: [[3], labels] },
      unmoved,
    );
    expect(found).toEqual([
      ['a', 0.6, 5, 6, 7, 8],
      ['b', 0.3, 1, 2, 3, 4],
    ]);
  });

  it('takes an axis of 1 in front and leaves out rows of score 0, whatever their class', () => {
    const found = read(
      outputs,
      { boxes: [[1, 3, 4], boxes], scores: [[1, 3], floats(0.5, 0, 0)], labels: [[1, 3], Int32Array.of(1, -1, 99)] },
      unmoved,
    );
    expect(found).toEqual([['a', 0.5, 1, 2, 3, 4]]);
  });

  it('says what it found where boxes lie in columns or a class has no name', () => {
    const labels: [number[], BigInt64Array] = [[3], BigInt64Array.of(1n, 1n, 1n)];
    const scores: [number[], Float32Array] = [[3], floats(0.5, 0.5, 0.5)];
    expect(() => read(outputs, { boxes: [[4, 3], boxes], scores, labels })).toThrow(
      'outputs are boxes float32 [4,3], scores float32 [3], labels bigint64 [3], expected float boxes [N,4]',
    );
    expect(() =>
      read(outputs, { boxes: [[3, 4], boxes], scores, labels: [[3], BigInt64Array.of(3n, 1n, 1n)] }),
    ).toThrow('it returns class 2, the manifest names 2');
  });
});

describe('readDetections of one table', () => {
  const suppression = { nmsIou: 0.5, maxDetections: 10 };
  const columns = {
    kind: 'candidates',
    table: 'output0',
    candidatesAre: 'columns',
    boxFormat: 'cxcywh',
    hasObjectness: false,
    ...suppression,
  } satisfies ModelOutputs;
  const rows: ModelOutputs = { ...columns, candidatesAre: 'rows' as const, hasObjectness: true };

  it('reads [1, 4+C, N], maps boxes back from the padded image and suppresses class by class', () => {
    // Three candidates at one place, each column: cx, cy, w, h, score of a, score of b.
    const table = floats(32, 32, 16, 32, 32, 32, 32, 32, 8, 16, 16, 4, 0.9, 0.8, 0, 0, 0.7, 0.05);
    expect(read(columns, { output0: [[1, 6, 3], table] })).toEqual([
      ['a', 0.9, 25, 12.5, 75, 37.5],
      ['b', 0.7, 25, 12.5, 75, 37.5],
    ]);
  });

  it('reads [1, N, 5+C] with the objectness multiplied into the scores', () => {
    const table = floats(32, 32, 32, 16, 0.5, 0.8, 0.1, 8, 32, 8, 8, 0.9, 0.1, 0.2);
    expect(read(rows, { output0: [[1, 2, 7], table] })).toEqual([
      ['a', 0.4, 25, 12.5, 75, 37.5],
      ['b', 0.18, 6.25, 18.75, 18.75, 31.25],
    ]);
  });

  it('clips boxes that reach into the padding to the frame', () => {
    const table = floats(32, 32, 128, 128, 0.9, 0);
    expect(read(columns, { output0: [[1, 6, 1], table] })).toEqual([['a', 0.9, 0, 0, 100, 50]]);
  });

  it('says what it found where the table has another number of classes', () => {
    expect(() => read(columns, { output0: [[1, 7, 1], floats(1, 1, 1, 1, 1, 1, 1)] })).toThrow(
      'outputs are output0 float32 [1,7,1], expected a float table [1,6,N] for 2 classes',
    );
  });

  it('reads final rows [1, N, 6] up to the filling', () => {
    const table = floats(16, 32, 48, 48, 0.7, 1, 0, 16, 64, 48, 0.9, 0, 0, 0, 0, 0, 0, 0);
    expect(read({ kind: 'finalTable', table: 'output0' }, { output0: [[1, 3, 6], table] })).toEqual([
      ['a', 0.9, 0, 0, 100, 50],
      ['b', 0.7, 25, 25, 75, 50],
    ]);
  });
});
