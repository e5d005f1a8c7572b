import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset, readImageRgb, readImageSize } from '@plumbline/data/dataset';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const boards = join(import.meta.dirname, '../../../../firmware-configs/lines/demo/boards');
/** 00041015 has five boxes; the first line is `x1 y1 x2 y2 type` of an image of 640 x 640. */
const stem = '00041015';

let dir: string;
const labelFile = () => join(dir, 'labels', `${stem}.txt`);
const imageFile = () => join(dir, 'images', `${stem}.jpg`);

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-deeppcb-'));
  await cp(boards, dir, { recursive: true });
  await writeFile(join(dir, 'one.txt'), `${stem}\n`);
});
afterEach(() => rm(dir, { recursive: true }));

const open = (split = 'one') => openDataset(`deeppcb:${dir}#${split}`);

describe('openDataset on a DeepPCB folder', () => {
  it('reads the shipped boards with all six classes', async () => {
    const dataset = await openDataset(`deeppcb:${boards}`);
    expect(dataset.classes).toEqual(['open', 'short', 'mousebite', 'spur', 'copper', 'pin-hole']);
    expect(dataset.samples).toHaveLength(24);
    expect(dataset.samples.map((sample) => sample.imageId)).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
    const perClass = new Array<number>(6).fill(0);
    for (const { gtLabels } of dataset.samples) for (const label of gtLabels) perClass[label]! += 1;
    expect(perClass).toEqual([30, 23, 28, 26, 21, 22]);
  });

  it('turns a label line into corners in px and a class from 0', async () => {
    await writeFile(labelFile(), '466 441 493 470 3\n\n10 20 30 50 6\r\n');
    const [sample] = (await open()).samples;
    expect(sample).toMatchObject({ imageId: 1, stem, file: imageFile(), width: 640, height: 640 });
    expect([...sample!.gtBoxesXyxy]).toEqual([466, 441, 493, 470, 10, 20, 30, 50]);
    expect([...sample!.gtLabels]).toEqual([2, 5]);
  });

  it('keeps an image without a defect', async () => {
    await writeFile(labelFile(), '');
    expect((await open()).samples[0]!.gtLabels).toHaveLength(0);
  });

  it('reads the stems of a split in their order', async () => {
    await writeFile(join(dir, 'few.txt'), '92000086\n00041015\n13000055');
    const { samples } = await open('few');
    expect(samples.map((sample) => sample.stem)).toEqual(['92000086', '00041015', '13000055']);
  });

  it.each([
    ['1 2 3 4', 'PLB_DATA_LABEL_FIELDS', ':2:1: 4 fields; accepted: x1 y1 x2 y2 type'],
    ['1 2 3 4 5 6', 'PLB_DATA_LABEL_FIELDS', ':2:1: 6 fields'],
    ['1 2 3.5 4 5', 'PLB_DATA_LABEL_NUMBER', ':2:5: "3.5" is not such a number'],
    ['1 two 3 4 5', 'PLB_DATA_LABEL_NUMBER', ':2:3: "two"'],
    ['1 2 3 4 7', 'PLB_DATA_LABEL_CLASS', ':2:9: class 7 is not known; accepted: 1 open, 2 short, 3 mousebite'],
    ['1 2 3 4 0', 'PLB_DATA_LABEL_CLASS', ':2:9: class 0'],
    ['30 2 30 4 1', 'PLB_DATA_BOX_EMPTY', ':2:1: box 30 2 30 4 has no area'],
    ['3 20 30 4 1', 'PLB_DATA_BOX_EMPTY', ':2:1: box 3 20 30 4'],
    ['600 2 641 4 1', 'PLB_DATA_BOX_OUTSIDE', ':2:1: box 600 2 641 4 leaves its image of 640x640 px'],
    ['-1 2 30 4 1', 'PLB_DATA_BOX_OUTSIDE', ':2:1: box -1 2 30 4'],
  ])('refuses the label line "%s" with %s and its place', async (line, code, message) => {
    await writeFile(labelFile(), `10 20 30 50 1\n${line}\n`);
    await expect(open()).rejects.toMatchObject({
      code,
      kind: 'input',
      message: expect.stringContaining(labelFile() + message),
    });
  });

  it('names the missing image and the label file that needs it', async () => {
    await rm(imageFile());
    await expect(open()).rejects.toMatchObject({
      code: 'PLB_DATA_IMAGE_MISSING',
      params: { file: imageFile(), label: labelFile() },
    });
  });

  it('names the missing label file', async () => {
    await rm(labelFile());
    await expect(open()).rejects.toMatchObject({ code: 'PLB_DATA_LABEL_MISSING', params: { file: labelFile() } });
  });

  it('refuses a file that is no image', async () => {
    await writeFile(imageFile(), 'not a picture');
    await expect(open()).rejects.toMatchObject({ code: 'PLB_DATA_IMAGE_UNREADABLE', params: { file: imageFile() } });
  });

  it('lists the splits when it does not know the one asked for', async () => {
    await expect(open('test')).rejects.toMatchObject({
      code: 'PLB_DATA_SPLIT_UNKNOWN',
      params: { available: 'all, one' },
    });
  });

  it('refuses an empty split and a stem listed twice', async () => {
    await writeFile(join(dir, 'none.txt'), '\n');
    await expect(open('none')).rejects.toMatchObject({ code: 'PLB_DATA_SPLIT_EMPTY' });
    await writeFile(join(dir, 'twice.txt'), `${stem}\n13000055\n${stem}\n`);
    await expect(open('twice')).rejects.toMatchObject({ code: 'PLB_DATA_STEM_TWICE', params: { line: 3, stem } });
  });

  it('refuses a folder that is not there', async () => {
    await expect(openDataset(`deeppcb:${join(dir, 'nowhere')}`)).rejects.toMatchObject({
      code: 'PLB_DATA_FOLDER_UNREADABLE',
    });
  });

  it.each([['csv:x'], ['deeppcb'], ['deeppcb:'], ['deeppcb:x#'], ['deeppcb:x#../y'], ['constructor:x']])(
    'refuses the spec %s',
    async (spec) => {
      await expect(openDataset(spec)).rejects.toMatchObject({
        code: 'PLB_DATA_SPEC_INVALID',
        message: expect.stringContaining('accepted: deeppcb:DIR'),
      });
    },
  );
});

describe('readImageRgb', () => {
  it('copies grey to three channels and owns its memory', async () => {
    const image = await readImageRgb(imageFile());
    expect([image.width, image.height, image.data.length]).toEqual([640, 640, 640 * 640 * 3]);
    expect(image.data.byteOffset).toBe(0);
    expect(image.data.buffer.byteLength).toBe(image.data.length);
    const isGrey = image.data.every((value, i) => value === image.data[i - (i % 3)]);
    expect(isGrey).toBe(true);
    expect(new Set(image.data).size).toBeGreaterThan(2);
  });

  it('refuses a truncated file whose header is good', async () => {
    const bytes = await readFile(imageFile());
    await writeFile(imageFile(), bytes.subarray(0, bytes.length / 2));
    expect(await readImageSize(imageFile())).toEqual({ width: 640, height: 640 });
    await expect(readImageRgb(imageFile())).rejects.toMatchObject({
      code: 'PLB_DATA_IMAGE_UNREADABLE',
      params: { file: imageFile() },
    });
  });
});
