import { describe, expect, it } from 'vitest';
import type { GraphFacts, ValueFacts } from './graph-facts.js';
import { fitLayout, fittingLayouts, type LayoutName, type LayoutSettings } from './layouts.js';

type Value = [name: string, type: string, ...shape: (number | string)[]];

function facts(input: Value, outputs: Value[], metadata: Record<string, string> = {}): GraphFacts {
  const value = ([name, type, ...shape]: Value): ValueFacts => ({ name, type, shape });
  return { inputs: [value(input)], outputs: outputs.map(value), metadata: new Map(Object.entries(metadata)) };
}

const image: Value = ['images', 'float', 1, 3, 384, 512];
const openImage: Value = ['images', 'float', 'batch', 3, 'height', 'width'];
const table = (...shape: (number | string)[]): Value => ['output0', 'float', ...shape];
const torchvision: Value[] = [
  ['boxes', 'float', 'n', 4],
  ['labels', 'int64', 'n'],
  ['scores', 'float', 'n'],
];

function problemOf(name: LayoutName, given: GraphFacts, settings: LayoutSettings = {}): string {
  try {
    fitLayout(name, given, settings);
  } catch (error) {
    return (error as Error).message;
  }
  return 'it fits';
}

describe('fitLayout', () => {
  it('reads the size of the image and the number of classes from an Ultralytics table', () => {
    expect(fitLayout('ultralytics', facts(image, [table(1, 84, 4032)]), {})).toEqual({
      input: {
        kind: 'image',
        name: 'images',
        layout: 'NCHW',
        color: 'RGB',
        networkSizeHw: [384, 512],
        fit: 'center',
        pad: [114, 114, 114],
        mean: [0, 0, 0],
        std: [255, 255, 255],
      },
      outputs: {
        kind: 'candidates',
        table: 'output0',
        candidatesAre: 'columns',
        boxFormat: 'cxcywh',
        hasObjectness: false,
        nmsIou: 0.7,
        maxDetections: 300,
      },
      classCount: 80,
    });
  });

  it('takes what the user says of suppression, and the size from the metadata where the graph leaves it open', () => {
    const open = facts(openImage, [table('batch', 'values', 'anchors')], { imgsz: '[320, 640]' });
    const fit = fitLayout('ultralytics', open, { nmsIou: 0.4, maxDetections: 50 });
    expect(fit.input.networkSizeHw).toEqual([320, 640]);
    expect(fit.outputs).toMatchObject({ nmsIou: 0.4, maxDetections: 50 });
    expect(fit.classCount).toBeUndefined();
    expect(fitLayout('ultralytics', open, { sizeHw: [64, 96] }).input.networkSizeHw).toEqual([64, 96]);
  });

  it('reads rows with objectness of YOLOv5 and final rows', () => {
    const yolov5 = fitLayout('yolov5', facts(image, [table(1, 12096, 17)]), {});
    expect(yolov5.outputs).toMatchObject({ candidatesAre: 'rows', hasObjectness: true, nmsIou: 0.45 });
    expect(yolov5.classCount).toBe(12);
    expect(fitLayout('ultralytics-nms', facts(image, [table(1, 300, 6)]), {}).outputs).toEqual({
      kind: 'finalTable',
      table: 'output0',
    });
  });

  it('ignores raw maps beside the table, as older exports of YOLOv5 return them', () => {
    const maps: Value[] = [['345', 'float', 1, 3, 48, 64, 17]];
    expect(fitLayout('yolov5', facts(image, [table(1, 12096, 17), ...maps]), {}).classCount).toBe(12);
  });

  it('takes frames of any size for a torchvision graph that leaves it open, and fits them into one that does not', () => {
    const open = fitLayout('torchvision', facts(['images', 'float', 3, 'height', 'width'], torchvision), {});
    expect(open.input).toMatchObject({ layout: 'CHW', fit: 'none', std: [255, 255, 255] });
    expect(open.outputs).toEqual({
      kind: 'final',
      boxes: 'boxes',
      scores: 'scores',
      classes: 'labels',
      boxesIn: 'network',
      firstClass: 1,
    });
    const fixed = fitLayout('torchvision', facts(['images', 'float', 3, 320, 480], torchvision), {});
    expect(fixed.input).toMatchObject({ fit: 'topLeft', networkSizeHw: [320, 480] });
  });

  it('finds results of torchvision without their names by what they are, beside masks', () => {
    const outputs: Value[] = [
      ['6570', 'float', 'n', 4],
      ['6572', 'int64', 'n'],
      ['6571', 'float', 'n'],
      ['6887', 'float', 'n', 1, 'h', 'w'],
    ];
    expect(fitLayout('torchvision', facts(['x', 'float', 3, 'h', 'w'], outputs), {}).outputs).toMatchObject({
      boxes: '6570',
      scores: '6571',
      classes: '6572',
    });
  });

  it('feeds a graph of bytes with bytes', () => {
    const { input } = fitLayout('ultralytics', facts(['images', 'uint8', 1, 3, 64, 64], [table(1, 6, 84)]), {});
    expect(input).toMatchObject({ elementType: 'uint8', std: [1, 1, 1] });
  });

  it.each<[string, LayoutName, GraphFacts, LayoutSettings, string]>([
    ['a transposed table', 'ultralytics', facts(image, [table(1, 12096, 17)]), {}, 'its axes are the other way round'],
    [
      'another number of classes',
      'ultralytics',
      facts(image, [table(1, 84, 4032)]),
      { classCount: 3 },
      'has 80 classes, 3 are named',
    ],
    [
      'boxes without scores',
      'ultralytics',
      facts(image, [table(1, 4, 4032)]),
      {},
      'has 4 values a candidate, expected 4 and a score per class',
    ],
    [
      'rows of 84 values',
      'ultralytics-nms',
      facts(image, [table(1, 84, 4032)]),
      {},
      'has 4032 values a row, expected 6',
    ],
    ['no table', 'yolov5', facts(image, torchvision), {}, 'no output is a float table of three axes'],
    [
      'two tables',
      'yolov5',
      facts(image, [table(1, 9, 7), ['b', 'float', 1, 9, 7]]),
      {},
      '2 outputs are a float table',
    ],
    ['no boxes', 'torchvision', facts(image, [table(1, 84, 4032)]), {}, 'no output is float [N,4], the boxes'],
    [
      'grey images',
      'ultralytics',
      facts(['images', 'float', 1, 1, 64, 64], [table(1, 6, 84)]),
      {},
      '1 channels, expected [1,3,H,W]',
    ],
    [
      'half floats',
      'ultralytics',
      facts(['images', 'float16', 1, 3, 64, 64], [table(1, 6, 84)]),
      {},
      'elements of type float16',
    ],
    [
      'four images at once',
      'ultralytics',
      facts(['images', 'float', 4, 3, 64, 64], [table(4, 6, 84)]),
      {},
      '4 images at once',
    ],
    [
      'another size',
      'ultralytics',
      facts(image, [table(1, 84, 4032)]),
      { sizeHw: [640, 640] },
      'takes 512x384 px, not 640x640',
    ],
    ['no size at all', 'ultralytics', facts(openImage, [table(1, 84, 4032)]), {}, 'leaves height and width open'],
    ['masks', 'ultralytics', facts(image, [table(1, 116, 4032)], { task: 'segment' }), {}, 'its task is "segment"'],
  ])('refuses %s', (_, name, given, settings, problem) => {
    expect(problemOf(name, given, settings)).toContain(problem);
  });
});

describe('fittingLayouts', () => {
  it('names every layout that a table may be, fewer once the number of classes is known', () => {
    const ambiguous = facts(image, [table(1, 300, 6)]);
    expect(fittingLayouts(ambiguous, {})).toEqual(['yolov5', 'ultralytics-nms']);
    expect(fittingLayouts(ambiguous, { classCount: 80 })).toEqual(['ultralytics-nms']);
    expect(fittingLayouts(facts(image, torchvision), {})).toEqual(['torchvision']);
    expect(fittingLayouts(facts(image, [['embedding', 'float', 1, 128]]), {})).toEqual([]);
  });
});
