import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCocoDetections, readCocoGroundTruth } from '@plumbline/data/eval';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const annotation = { id: 1, image_id: 7, category_id: 2, bbox: [1, 2, 3, 4], area: 12, iscrowd: 0 };
const truth = {
  images: [{ id: 9 }, { id: 7 }],
  categories: [
    { id: 5, name: 'b' },
    { id: 2, name: 'a' },
  ],
  annotations: [annotation],
};
const detection = { image_id: 9, category_id: 5, bbox: [1, 2, 3, 4], score: 0.5 };

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-coco-'));
});
afterEach(() => rm(dir, { recursive: true }));

async function readTruth(content: unknown) {
  const file = join(dir, 'gt.json');
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return readCocoGroundTruth(file);
}

async function readDetections(content: unknown) {
  const file = join(dir, 'dt.json');
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return readCocoDetections(file, await readTruth(truth));
}

describe('readCocoGroundTruth', () => {
  it('sorts images and categories by id and points into them', async () => {
    const table = await readTruth(truth);
    expect([...table.imageIds]).toEqual([7, 9]);
    expect(table.categories.map((c) => c.name)).toEqual(['a', 'b']);
    expect([table.imageIndex[0], table.categoryIndex[0], table.areas[0], table.isCrowd[0]]).toEqual([0, 0, 12, 0]);
    expect([...table.boxesXywh]).toEqual([1, 2, 3, 4]);
  });

  it.each([
    ['no annotations', { ...truth, annotations: undefined }, 'annotations is missing'],
    [
      'a box of three numbers',
      { ...truth, annotations: [{ ...annotation, bbox: [1, 2, 3] }] },
      'annotations[0].bbox is [1,2,3]',
    ],
    [
      'a negative width',
      { ...truth, annotations: [{ ...annotation, bbox: [1, 2, -3, 4] }] },
      'annotations[0].bbox is [1,2,-3,4]',
    ],
    ['no area', { ...truth, annotations: [{ ...annotation, area: undefined }] }, 'annotations[0].area is missing'],
    [
      'an id of 0',
      { ...truth, annotations: [{ ...annotation, id: 0 }] },
      'annotations[0].id is 0; accepted: a whole number from 1',
    ],
    ['a crowd flag of 2', { ...truth, annotations: [{ ...annotation, iscrowd: 2 }] }, 'annotations[0].iscrowd is 2'],
    ['a category without a name', { ...truth, categories: [{ id: 1 }] }, 'categories[0].name is missing'],
    ['an image that is a number', { ...truth, images: [3] }, 'images[0] is 3'],
    ['a list instead of an object', [], 'the document is []'],
  ])('refuses %s', async (_, content, message) => {
    await expect(readTruth(content)).rejects.toMatchObject({
      code: 'PLB_DATA_COCO_SHAPE',
      message: expect.stringContaining(message),
    });
  });

  it('refuses an annotation id used twice', async () => {
    await expect(readTruth({ ...truth, annotations: [annotation, annotation] })).rejects.toMatchObject({
      code: 'PLB_DATA_COCO_DUPLICATE_ID',
      message: expect.stringContaining('annotations[1].id 1 is used twice'),
    });
  });

  it('leaves out bad rows where it is told to, and hands each over with its code', async () => {
    const bad = [
      { ...annotation, id: 2, image_id: 8 },
      { ...annotation, id: 3, bbox: [1, 2, -3, 4] },
      { ...annotation, id: 1 },
      { ...annotation, id: 4, difficult: 1 },
    ];
    const file = join(dir, 'gt.json');
    await writeFile(file, JSON.stringify({ ...truth, annotations: [annotation, ...bad] }));
    const codes: string[] = [];
    const places: string[] = [];
    const table = await readCocoGroundTruth(file, (code, describe) => {
      codes.push(code);
      places.push(describe().message);
    });
    expect(codes).toEqual(['PLB_DATA_COCO_UNKNOWN_ID', 'PLB_DATA_COCO_SHAPE', 'PLB_DATA_COCO_DUPLICATE_ID']);
    expect(places[1]).toContain('annotations[2].bbox');
    expect([...table.isDifficult!]).toEqual([0, 1]);
    expect([...table.boxesXywh]).toEqual([1, 2, 3, 4, 1, 2, 3, 4]);
  });

  it('refuses an id used twice', async () => {
    await expect(readTruth({ ...truth, images: [{ id: 7 }, { id: 7 }] })).rejects.toMatchObject({
      code: 'PLB_DATA_COCO_DUPLICATE_ID',
      params: { path: 'images[1].id', id: 7 },
    });
  });

  it('refuses an annotation of an unknown image, with its place in the file', async () => {
    const text = JSON.stringify({ ...truth, annotations: [annotation, { ...annotation, image_id: 8 }] }, null, 2);
    const line = text.split('\n').findIndex((row) => row.includes('"image_id": 8')) + 1;
    await expect(readTruth(text)).rejects.toMatchObject({
      code: 'PLB_DATA_COCO_UNKNOWN_ID',
      params: { line, column: 19, path: 'annotations[1].image_id', id: 8, accepted: '7, 9' },
    });
  });

  it('refuses a file that is not there', async () => {
    await expect(readCocoGroundTruth(join(dir, 'none.json'))).rejects.toMatchObject({
      code: 'PLB_DATA_FILE_UNREADABLE',
    });
  });
});

describe('readCocoDetections', () => {
  it('leaves out bad detections where it is told to', async () => {
    const good = { image_id: 7, category_id: 2, bbox: [1, 2, 3, 4], score: 0.5 };
    const rows = [{ ...good, image_id: 8 }, good, { ...good, score: null }, { ...good, category_id: 99 }];
    const file = join(dir, 'dt.json');
    await writeFile(file, JSON.stringify(rows));
    const codes: string[] = [];
    const table = await readCocoDetections(file, await readTruth(truth), (code) => codes.push(code));
    expect(codes).toEqual(['PLB_DATA_COCO_UNKNOWN_ID', 'PLB_DATA_COCO_SHAPE', 'PLB_DATA_COCO_UNKNOWN_ID']);
    expect([...table.scores]).toEqual([0.5]);
    // A file that is no JSON has no rows to leave out.
    await writeFile(file, '[{"image_id": 7');
    const attempt = readCocoDetections(file, await readTruth(truth), () => {});
    await expect(attempt).rejects.toMatchObject({ code: 'PLB_DATA_JSON_SYNTAX' });
  });

  it('names boxes that are corners, and takes a box or two outside of the image as they are', async () => {
    const images = [{ id: 7, width: 640, height: 480 }];
    const sized = { ...truth, images: [...images, { id: 9, width: 640, height: 480 }] };
    const file = join(dir, 'dt.json');
    const read = async (boxes: number[][]) => {
      await writeFile(file, JSON.stringify(boxes.map((bbox) => ({ image_id: 7, category_id: 2, bbox, score: 0.5 }))));
      return readCocoDetections(file, await readTruth(sized));
    };
    const corners = [
      [10, 10, 50, 60],
      [400, 300, 500, 400],
      [300, 100, 380, 160],
      [350, 200, 420, 280],
    ];
    await expect(read(corners)).rejects.toMatchObject({
      code: 'PLB_DATA_COCO_CORNERS',
      message: expect.stringMatching(
        /dt\.json:1:\d+: bbox \[400, 300, 500, 400\] leaves its image of 640x480 px, as 75 %/,
      ),
    });
    const sides = corners.map(([x1, y1, x2, y2]) => [x1!, y1!, x2! - x1!, y2! - y1!]);
    expect((await read([...sides, [600, 400, 80, 90]])).scores).toHaveLength(5);
  });

  it('keeps the order of the file', async () => {
    const table = await readDetections([detection, { ...detection, image_id: 7, category_id: 2, score: 0.9 }]);
    expect([...table.imageIndex]).toEqual([1, 0]);
    expect([...table.categoryIndex]).toEqual([1, 0]);
    expect([...table.scores]).toEqual([0.5, 0.9]);
  });

  it('takes an empty list as an empty set', async () => {
    expect((await readDetections([])).scores).toHaveLength(0);
  });

  it.each([
    [
      'an unknown image',
      { ...detection, image_id: 1 },
      'PLB_DATA_COCO_UNKNOWN_ID',
      '[0].image_id is 1, which the ground truth does not list; accepted: 7, 9',
    ],
    [
      'an unknown category',
      { ...detection, category_id: 1 },
      'PLB_DATA_COCO_UNKNOWN_ID',
      '[0].category_id is 1, which',
    ],
    [
      'an id that is a text',
      { ...detection, image_id: '9' },
      'PLB_DATA_COCO_SHAPE',
      '[0].image_id is "9"; accepted: a whole number',
    ],
    [
      'a score of null',
      { ...detection, score: null },
      'PLB_DATA_COCO_SHAPE',
      '[0].score is null; accepted: a finite number',
    ],
    ['a box of texts', { ...detection, bbox: ['1', 2, 3, 4] }, 'PLB_DATA_COCO_SHAPE', '[0].bbox is ["1",2,3,4]'],
  ])('refuses %s', async (_, row, code, message) => {
    await expect(readDetections([row])).rejects.toMatchObject({
      code,
      kind: 'input',
      message: expect.stringContaining(message),
    });
  });

  it('refuses a score beyond the range of a number', async () => {
    const text = JSON.stringify([detection]).replace('0.5', '1e999');
    await expect(readDetections(text)).rejects.toMatchObject({
      code: 'PLB_DATA_COCO_SHAPE',
      params: { path: '[0].score' },
    });
  });

  it.each([
    ['NaN', '[\n {"image_id": 9, "score": NaN}\n]', 'dt.json:2:27: unexpected "NaN" where a value is expected'],
    ['a trailing comma', '[1,\n]', 'dt.json:2:1: unexpected "]" where a value is expected'],
    ['a missing comma', '[1 2]', 'dt.json:1:4: unexpected "2" where , or ] is expected'],
    ['a key without quotes', '[{a: 1}]', 'dt.json:1:3: unexpected "a" where a key in double quotes is expected'],
    ['a missing colon', '[{"a" 1}]', 'dt.json:1:7: unexpected "1" where : is expected'],
    ['a file that ends too early', '[{"a": 1}', 'dt.json:1:10: the file ends where , or ] is expected'],
    ['text after the document', '[] x', 'dt.json:1:4: unexpected "x" after the document'],
    ['an empty file', '', 'dt.json:1:1: the file ends where a value is expected'],
    ['a number with a leading zero', '[01]', 'dt.json:1:2: unexpected "01"'],
  ])('says where the JSON breaks on %s', async (_, text, message) => {
    await expect(readDetections(text)).rejects.toMatchObject({
      code: 'PLB_DATA_JSON_SYNTAX',
      kind: 'input',
      message: expect.stringContaining(message),
    });
  });
});
