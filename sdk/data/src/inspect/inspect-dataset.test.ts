import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspectDataset } from '@plumbline/data/inspect';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const boards = join(import.meta.dirname, '../../../../firmware-configs/lines/demo/boards');
const stem = '00041015';

let dir: string;
const labelFile = () => join(dir, 'labels', `${stem}.txt`);

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-inspect-'));
  await cp(boards, dir, { recursive: true });
  await writeFile(join(dir, 'one.txt'), `${stem}\n`);
});
afterEach(() => rm(dir, { recursive: true }));

describe('inspectDataset', () => {
  it('counts images, boxes and classes and finds nothing wrong with the shipped boards', async () => {
    const { inspection } = await inspectDataset(`deeppcb:${boards}`);
    expect(inspection).toMatchObject({
      images: 24,
      boxes: 150,
      classes: { open: 30, short: 23, mousebite: 28, spur: 26, copper: 21, 'pin-hole': 22 },
      problems: [],
    });
  });

  it('interpolates the quantiles of the box side', async () => {
    await writeFile(labelFile(), '0 0 10 10 1\n0 0 20 20 2\n0 0 40 10 2\n');
    // Sides 10, 20, 20: the 5 % quantile lies a tenth of the way from 10 to 20.
    expect((await inspectDataset(`deeppcb:${dir}#one`)).inspection.boxSide).toEqual({ p05: 11, p50: 20, p95: 20 });
  });

  it('lists every problem with file and line and counts what is good', async () => {
    await writeFile(labelFile(), '0 0 10 10 1\n0 0 10 10 9\n0 0 10\n');
    await rm(join(dir, 'images', '13000007.jpg'));
    await rm(join(dir, 'labels', '13000055.txt'));
    const broken = join(dir, 'images', '92000086.jpg');
    await writeFile(broken, (await readFile(broken)).subarray(0, 9000));
    const { inspection } = await inspectDataset(`deeppcb:${dir}`);
    expect(inspection.images).toBe(21);
    expect(
      inspection.problems.map(({ file, line, code }) => ({ file: file.slice(dir.length + 1), line, code })),
    ).toEqual([
      { file: 'images/13000007.jpg', line: undefined, code: 'PLB_DATA_IMAGE_MISSING' },
      { file: 'images/92000086.jpg', line: undefined, code: 'PLB_DATA_IMAGE_UNREADABLE' },
      { file: 'labels/00041015.txt', line: 2, code: 'PLB_DATA_LABEL_CLASS' },
      { file: 'labels/00041015.txt', line: 3, code: 'PLB_DATA_LABEL_FIELDS' },
      { file: 'labels/13000055.txt', line: undefined, code: 'PLB_DATA_LABEL_MISSING' },
    ]);
  });

  it('finds a box that stands twice, an image under two names and an image of two splits', async () => {
    await writeFile(labelFile(), '0 0 10 10 1\n0 0 10 10 2\n0 0 10 10 1\n');
    await cp(join(dir, 'images', '92000086.jpg'), join(dir, 'images', 'again.jpg'));
    await cp(join(dir, 'labels', '92000086.txt'), join(dir, 'labels', 'again.txt'));
    await writeFile(join(dir, 'train.txt'), `${stem}\n92000086\n`);
    await writeFile(join(dir, 'val.txt'), `${stem}\nagain\n`);
    await writeFile(join(dir, 'val-gate.txt'), 'again\n');
    const { inspection } = await inspectDataset(`deeppcb:${dir}`);
    expect(inspection.problems.map(({ code }) => code)).toEqual([
      'PLB_DATA_SPLIT_LEAK',
      'PLB_DATA_NEAR_LEAK',
      'PLB_DATA_IMAGE_TWICE',
      'PLB_DATA_BOX_TWICE',
    ]);
    const messages = inspection.problems.map(({ message }) => message.replaceAll(`${dir}/`, ''));
    expect(messages).toEqual([
      'images/00041015.jpg: belongs to train and val',
      'images/92000086.jpg: looks like again.jpg (0 of 256 bits differ), one in train, the other in val',
      'images/again.jpg: has the same pixels as images/92000086.jpg',
      'labels/00041015.txt:3:1: box open 0 0 10 10 stands in line 1 already',
    ]);
    expect(inspection.nearDuplicates[0]).toMatchObject({ distance: 0, across: ['train', 'val'] });
  });

  it('compares a split with those that it must not meet, and with other datasets', async () => {
    await writeFile(join(dir, 'train.txt'), '92000086\n');
    await writeFile(join(dir, 'val.txt'), `${stem}\n`);
    const clean = await inspectDataset(`deeppcb:${dir}#train`);
    expect(clean.inspection.problems).toEqual([]);
    const { inspection } = await inspectDataset(`deeppcb:${dir}#train`, { against: [`deeppcb:${boards}`] });
    expect(inspection.problems.map(({ code }) => code)).toEqual(['PLB_DATA_NEAR_LEAK']);
    const same = await inspectDataset(`deeppcb:${dir}#train`, { against: [`deeppcb:${dir}#all`] });
    expect(same.inspection.problems.map(({ code }) => code)).toEqual(['PLB_DATA_SPLIT_LEAK']);
  });

  it('says that a 16-bit image uses a part of its range', async () => {
    const raw = { width: 640, height: 640, channels: 1 } as const;
    const values = Uint16Array.from({ length: 640 * 640 }, (_, i) => i % 4096);
    const png = join(dir, 'mono.png');
    await sharp(values, { raw }).toColourspace('grey16').png().toFile(png);
    await cp(png, join(dir, 'images', `${stem}.jpg`));
    const { inspection } = await inspectDataset(`deeppcb:${dir}#one`);
    expect(inspection.problems).toMatchObject([
      { code: 'PLB_DATA_IMAGE_RANGE', message: expect.stringContaining('4095 of 65535, as from 12 bits') },
    ]);
  });
});
