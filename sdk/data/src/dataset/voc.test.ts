import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset } from '@plumbline/data/dataset';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let dir: string;

const object = (name: string, corners: readonly unknown[], extra = '') =>
  `<object><name>${name}</name>${extra}<bndbox><xmin>${corners[0]}</xmin><ymin>${corners[1]}</ymin>` +
  `<xmax>${corners[2]}</xmax><ymax>${corners[3]}</ymax></bndbox></object>\n`;
const annotation = (objects: string, size = '<size><width>40</width><height>30</height></size>') =>
  `<annotation>\n<filename>a.png</filename>\n${size}\n${objects}</annotation>\n`;
const write = (stem: string, xml: string) => writeFile(join(dir, 'Annotations', `${stem}.xml`), xml);
const image = (name: string, width = 40, height = 30) =>
  sharp({ create: { width, height, channels: 3, background: '#777' } }).toFile(join(dir, 'JPEGImages', name));

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-voc-'));
  await mkdir(join(dir, 'Annotations'));
  await mkdir(join(dir, 'JPEGImages'));
  await mkdir(join(dir, 'ImageSets', 'Main'), { recursive: true });
  await image('a.png');
});
afterEach(() => rm(dir, { recursive: true }));

const open = (split = 'all') => openDataset(`voc:${dir}#${split}`);

describe('openDataset on Pascal VOC', () => {
  it('counts pixels from 0, keeps the difficult flag and sorts the classes of the whole folder', async () => {
    await image('b.jpg');
    await write(
      'a',
      annotation(object('spot', [1, 1, 11, 21], '<difficult>1</difficult>') + object('line', [5, 6, 40, 30])),
    );
    await write('b', annotation(object('crack', [2, 2, 3, 3])));
    await writeFile(join(dir, 'ImageSets', 'Main', 'val.txt'), 'a  1\n');
    const { classes, samples, placeOf } = await open('val');
    expect(classes).toEqual(['crack', 'line', 'spot']);
    expect(samples).toHaveLength(1);
    const [sample] = samples;
    expect(sample).toMatchObject({ stem: 'a', width: 40, height: 30, file: join(dir, 'JPEGImages', 'a.png') });
    expect([...sample!.gtBoxesXyxy]).toEqual([0, 0, 10, 20, 4, 5, 39, 29]);
    expect([...sample!.gtLabels]).toEqual([2, 1]);
    expect([...sample!.gtDifficult!]).toEqual([1, 0]);
    expect(placeOf!(sample!, 1)).toEqual({ file: join(dir, 'Annotations', 'a.xml'), line: 5 });
  });

  it('takes the order of the classes from classes.txt', async () => {
    await writeFile(join(dir, 'classes.txt'), 'spot\nline\n');
    await write('a', annotation(object('line', [5, 6, 40, 30])));
    expect((await open()).classes).toEqual(['spot', 'line']);
  });

  it('reads annotations that lie beside their images', async () => {
    const flat = join(dir, 'flat');
    await mkdir(flat);
    await sharp({ create: { width: 40, height: 30, channels: 3, background: '#777' } }).toFile(join(flat, 'a.png'));
    await writeFile(join(flat, 'a.xml'), annotation(object('line', [5, 6, 40, 30])));
    expect((await openDataset(`voc:${flat}`)).samples).toHaveLength(1);
  });

  it('does not fail a split for a mistake in another one', async () => {
    await write('a', annotation(object('line', [5, 6, 40, 30])));
    await write('b', '<annotation>');
    await writeFile(join(dir, 'good.txt'), 'a\n');
    expect((await open('good')).samples).toHaveLength(1);
  });

  it.each([
    [
      'a size that is not that of the image',
      annotation('', '<size><width>20</width><height>30</height></size>'),
      'PLB_DATA_SIZE_DIFFERS',
      /a\.xml:3:6: .*20x30 px, .*a\.png has 40x30/,
    ],
    [
      'corners in the wrong order',
      annotation(object('line', [9, 6, 5, 30])),
      'PLB_DATA_BOX_EMPTY',
      /a\.xml:4:8: box 9 6 5 30/,
    ],
    [
      'a box outside the image',
      annotation(object('line', [9, 6, 50, 30])),
      'PLB_DATA_BOX_OUTSIDE',
      /:4:8: box 9 6 50 30 leaves its image of 40x30/,
    ],
    [
      'a corner that is no number',
      annotation(object('line', [9, 'x', 50, 30])),
      'PLB_DATA_LABEL_NUMBER',
      /:4:\d+: "x" is not such a number/,
    ],
    [
      'a missing corner',
      annotation('<object><name>line</name></object>'),
      'PLB_DATA_LABEL_NUMBER',
      /xmin, ymin, xmax, ymax/,
    ],
    [
      'an object without a name',
      annotation('<object></object>'),
      'PLB_DATA_LABEL_CLASS',
      /:4:8: class "" is not known/,
    ],
    ['a file that is cut off', annotation('').slice(0, 60), 'PLB_DATA_XML_SYNTAX', /a\.xml:\d+:\d+: unclosed tag/],
    [
      'an entity that grows',
      '<!DOCTYPE a [<!ENTITY b "lol"><!ENTITY c "&b;&b;">]>\n<annotation>&c;</annotation>',
      'PLB_DATA_XML_SYNTAX',
      /:1:\d+: a DOCTYPE is not accepted/,
    ],
    ['elements that nest without end', '<a>'.repeat(100), 'PLB_DATA_XML_SYNTAX', /nest more than 64 deep/],
    ['a file of many megabytes', ' '.repeat(17 * 2 ** 20), 'PLB_DATA_XML_SYNTAX', /characters, more than/],
    [
      'a file name that leads out of the folder',
      annotation('').replace('a.png', '../../secret.png'),
      'PLB_DATA_PATH_OUTSIDE',
      /a\.xml:2:\d+: "\.\.\/\.\.\/secret\.png" leads out of/,
    ],
  ])('refuses %s and says where', async (_, xml, code, message) => {
    await write('a', xml);
    await expect(open()).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('refuses a split that leads out of the folder', async () => {
    await writeFile(join(dir, 'bad.txt'), '../../a\n');
    await write('a', annotation(''));
    await expect(open('bad')).rejects.toMatchObject({ code: 'PLB_DATA_PATH_OUTSIDE' });
    await expect(open('none')).rejects.toMatchObject({
      code: 'PLB_DATA_SPLIT_UNKNOWN',
      params: { available: 'bad, all' },
    });
  });
});
