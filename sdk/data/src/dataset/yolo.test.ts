import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openDataset } from '@plumbline/data/dataset';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let dir: string;
const put = async (name: string, text: string) => {
  await mkdir(dirname(join(dir, name)), { recursive: true });
  await writeFile(join(dir, name), text);
};
const image = async (name: string) => {
  await mkdir(dirname(join(dir, name)), { recursive: true });
  await sharp({ create: { width: 100, height: 50, channels: 3, background: '#777' } }).toFile(join(dir, name));
};
const names = 'names:\n  0: spot\n  1: line\n';

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-yolo-'));
  await image('images/train/a.jpg');
  await put('labels/train/a.txt', '1 0.5 0.5 0.2 0.4\n');
  await put('data.yaml', `train: images/train\n${names}`);
});
afterEach(() => rm(dir, { recursive: true }));

const open = (split = 'all') => openDataset(`yolo:${join(dir, 'data.yaml')}#${split}`);

describe('openDataset on YOLO', () => {
  it('turns shares into px, finds labels in the parallel folder and takes an image without a file as empty', async () => {
    await image('images/train/deep/b.png');
    const { classes, samples, placeOf } = await open('train');
    expect(classes).toEqual(['spot', 'line']);
    expect(samples.map(({ stem }) => stem)).toEqual(['a', 'b']);
    expect([...samples[0]!.gtBoxesXyxy]).toEqual([40, 15, 60, 35]);
    expect([...samples[0]!.gtLabels]).toEqual([1]);
    expect(samples[1]!.gtLabels).toHaveLength(0);
    expect(placeOf!(samples[0]!, 0)).toEqual({ file: join(dir, 'labels/train/a.txt'), line: 1 });
  });

  it('takes the bounds of a polygon', async () => {
    await put('labels/train/a.txt', '0 0.1 0.2 0.5 0.2 0.3 0.8\n');
    expect([...(await open()).samples[0]!.gtBoxesXyxy]).toEqual([10, 10, 50, 40]);
  });

  it.each([
    [
      'names as a list and splits as a list of folders',
      'train: [images/train, images/more]\nnames: [spot, line]\n',
      'train',
      ['a', 'c'],
    ],
    ['a list of images with paths from the folder of the file', `train: lists/train.txt\n${names}`, 'train', ['c']],
    ['a path that the splits are relative to', `path: images\ntrain: more\nval: train\n${names}`, 'val', ['a']],
    ['another list of stems beside the file', `train: images/train\nval: images/more\n${names}`, 'few', ['c']],
    ['all of several splits', `train: images/train\nval: images/more\n${names}`, 'all', ['a', 'c']],
  ])('reads %s', async (_, yaml, split, stems) => {
    await image('images/more/c.jpg');
    await put('lists/train.txt', 'images/more/c.jpg\n');
    await put('few.txt', 'c\n');
    await put('data.yaml', yaml);
    expect((await open(split)).samples.map(({ stem }) => stem)).toEqual(stems);
  });

  it('finds the paths of a list beside the list first', async () => {
    await image('sets/images/d.jpg');
    await put('sets/train.txt', './images/d.jpg\n');
    await put('data.yaml', `train: sets/train.txt\n${names}`);
    expect((await open()).samples.map(({ file }) => file)).toEqual([join(dir, 'sets/images/d.jpg')]);
  });

  it.each([
    ['2 0.5 0.5 0.2 0.4', 'PLB_DATA_LABEL_CLASS', 'a.txt:1:1: class 2 is not known; accepted: 0 to 1'],
    ['0 0.5 0.5 0.2', 'PLB_DATA_LABEL_FIELDS', 'a.txt:1:1: 4 fields'],
    ['0 0.5 nan 0.2 0.4', 'PLB_DATA_LABEL_NUMBER', 'a.txt:1:7: "nan"'],
    ['0 0.5 0.5 0 0.4', 'PLB_DATA_BOX_EMPTY', 'a.txt:1:1: box 0 0.5 0.5 0 0.4'],
    ['0 0.5 0.5 -0.2 0.4', 'PLB_DATA_BOX_EMPTY', 'a.txt:1:1'],
    ['0 0.95 0.5 0.2 0.4', 'PLB_DATA_BOX_OUTSIDE', 'leaves its image of 100x50'],
    ['0 50 25 20 20', 'PLB_DATA_BOX_OUTSIDE', 'leaves its image'],
  ])('refuses the label line "%s"', async (line, code, message) => {
    await put('labels/train/a.txt', `${line}\n`);
    await expect(open()).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it('clips what the rounding of six decimals lets overshoot', async () => {
    await put('labels/train/a.txt', '0 0.900001 0.5 0.2 1\n');
    expect([...(await open()).samples[0]!.gtBoxesXyxy]).toEqual([80.0001, 0, 100, 50]);
  });

  it.each([
    ['train: images/train\n', 'PLB_CONFIG_INVALID', 'names'],
    [`${names}`, 'PLB_CONFIG_INVALID', 'needs train, val or test'],
    ['train: images/train\nnames:\n  0: a\n  2: b\n', 'PLB_CONFIG_INVALID', 'needs every id from 0; 1 is missing'],
    ['train: [images/train\n', 'PLB_CONFIG_SYNTAX', 'data.yaml:'],
    [`train: images/none\n${names}`, 'PLB_DATA_FOLDER_UNREADABLE', 'images/none'],
    [`train: list.txt\n${names}`, 'PLB_DATA_PATH_OUTSIDE', 'list.txt:2:1: "../../etc/x.jpg" leads out of'],
  ])('refuses data.yaml: %s', async (yaml, code, message) => {
    await put('list.txt', 'images/train/a.jpg\n../../etc/x.jpg\n');
    await put('data.yaml', yaml);
    await expect(open('train')).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });
});
