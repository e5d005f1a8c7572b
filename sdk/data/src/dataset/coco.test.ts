import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset, parseDatasetSpec, withoutCrowds } from '@plumbline/data/dataset';
import { groundTruthOfDataset } from '@plumbline/data/eval';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-coco-'));
  await mkdir(join(dir, 'images'));
  for (const name of ['a.png', 'b.png']) {
    await sharp({ create: { width: 40, height: 30, channels: 3, background: '#777' } }).toFile(
      join(dir, 'images', name),
    );
  }
});
afterEach(() => rm(dir, { recursive: true }));

const good = {
  images: [
    { id: 9, file_name: 'b.png', width: 40, height: 30 },
    { id: 4, file_name: 'a.png', width: 40, height: 30 },
  ],
  categories: [
    { id: 18, name: 'dog' },
    { id: 3, name: 'car' },
  ],
  annotations: [
    { id: 1, image_id: 9, category_id: 18, bbox: [1.25, 2.5, 10, 20], area: 77, iscrowd: 0 },
    { id: 2, image_id: 9, category_id: 3, bbox: [0, 0, 40, 30], area: 900, iscrowd: 1 },
  ],
};

const open = async (document: unknown) => {
  const file = join(dir, 'ann.json');
  await writeFile(file, typeof document === 'string' ? document : JSON.stringify(document, null, 1));
  return openDataset(`coco:${file}@${join(dir, 'images')}`);
};

describe('openDataset on COCO', () => {
  it('keeps ids, crowd flags and the areas of masks, with classes in the order of their ids', async () => {
    const dataset = await open(good);
    expect(dataset.classes).toEqual(['car', 'dog']);
    expect(dataset.categoryIds).toEqual([3, 18]);
    expect(dataset.samples.map(({ imageId, stem }) => [imageId, stem])).toEqual([
      [4, 'a'],
      [9, 'b'],
    ]);
    const [empty, sample] = dataset.samples;
    expect(empty!.gtLabels).toHaveLength(0);
    expect([...sample!.gtBoxesXyxy]).toEqual([1.25, 2.5, 11.25, 22.5, 0, 0, 40, 30]);
    expect([...sample!.gtLabels]).toEqual([1, 0]);
    expect([...sample!.gtIsCrowd!]).toEqual([0, 1]);
    const table = groundTruthOfDataset(dataset);
    expect([...table.areas]).toEqual([77, 900]);
    expect([...table.isCrowd]).toEqual([0, 1]);
    expect(table.categories).toEqual([
      { id: 3, name: 'car' },
      { id: 18, name: 'dog' },
    ]);
    expect(dataset.placeOf!(sample!, 1).line).toBeGreaterThan(dataset.placeOf!(sample!, 0).line);
  });

  it('leaves out crowds for training, and nothing where there is none', async () => {
    const [, sample] = withoutCrowds(await open(good)).samples;
    expect([...sample!.gtBoxesXyxy]).toEqual([1.25, 2.5, 11.25, 22.5]);
    expect([...sample!.gtLabels, ...sample!.gtAreas!]).toEqual([1, 77]);
    expect(sample!.gtIsCrowd).toBeUndefined();
    const plain = await open({ ...good, annotations: good.annotations.slice(0, 1) });
    expect(withoutCrowds(plain)).toBe(plain);
  });

  const withAnnotation = (change: object) => ({ ...good, annotations: [{ ...good.annotations[0], ...change }] });
  const withImage = (change: object) => ({ ...good, images: [{ ...good.images[0], ...change }, good.images[1]] });
  it.each([
    ['an unknown image', withAnnotation({ image_id: 5 }), 'PLB_DATA_COCO_UNKNOWN_ID', 'annotations[0].image_id is 5'],
    [
      'an unknown category',
      withAnnotation({ category_id: 5 }),
      'PLB_DATA_COCO_UNKNOWN_ID',
      'annotations[0].category_id',
    ],
    [
      'a box that is no box',
      withAnnotation({ bbox: [1, 2, 3] }),
      'PLB_DATA_COCO_SHAPE',
      'annotations[0].bbox is [1,2,3]',
    ],
    ['a negative side', withAnnotation({ bbox: [9, 2, -3, 4] }), 'PLB_DATA_BOX_EMPTY', 'box [9, 2, -3, 4]'],
    ['a box outside', withAnnotation({ bbox: [30, 2, 20, 4] }), 'PLB_DATA_BOX_OUTSIDE', 'leaves its image of 40x30'],
    ['another size', withImage({ width: 80 }), 'PLB_DATA_SIZE_DIFFERS', 'made for 80x30 px'],
    ['a missing image', withImage({ file_name: 'c.png' }), 'PLB_DATA_IMAGE_MISSING', 'c.png: no such image'],
    [
      'a path out of the folder',
      withImage({ file_name: '../x.png' }),
      'PLB_DATA_PATH_OUTSIDE',
      '"../x.png" leads out of',
    ],
    ['an image without a name', withImage({ file_name: 7 }), 'PLB_DATA_COCO_SHAPE', 'images[0].file_name is 7'],
    ['an id that stands twice', withImage({ id: 4 }), 'PLB_DATA_COCO_DUPLICATE_ID', 'images[1].id 4 is used twice'],
    ['no list of images', { ...good, images: 1 }, 'PLB_DATA_COCO_SHAPE', 'images is 1'],
    ['no image', { ...good, images: [], annotations: [] }, 'PLB_DATA_SPLIT_EMPTY', 'lists no image'],
    ['half a file', JSON.stringify(good, null, 1).slice(0, 90), 'PLB_DATA_JSON_SYNTAX', 'the file ends'],
  ])('refuses %s and says where', async (_, document, code, message) => {
    await expect(open(document)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });
});

describe('parseDatasetSpec', () => {
  it.each([
    ['deeppcb:DIR', { kind: 'deeppcb', path: 'DIR', split: 'all' }],
    ['voc:a/b#val-gate', { kind: 'voc', path: 'a/b', split: 'val-gate' }],
    ['yolo:data.yaml#train', { kind: 'yolo', path: 'data.yaml', split: 'train' }],
    ['coco:a@b.json@images', { kind: 'coco', path: 'a@b.json', imagesDir: 'images', split: 'all' }],
  ])('takes %s apart', (spec, parts) => {
    expect(parseDatasetSpec(spec)).toMatchObject(parts);
  });

  it.each([
    ['DIR', 'KIND:DIR'],
    ['csv:DIR', 'no reader is named "csv"'],
    ['voc:DIR#../x', '"../x" is not the name of a split'],
    ['coco:ann.json', 'the folder of the images is missing'],
    ['coco:ann.json@images#val', 'one split'],
  ])('refuses %s', (spec, problem) => {
    expect(() => parseDatasetSpec(spec)).toThrow(problem);
  });
});
