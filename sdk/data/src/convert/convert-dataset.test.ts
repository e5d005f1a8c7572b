import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConvertedFormat, convertDataset, mapClasses } from '@plumbline/data/convert';
import { type Dataset, openDataset, readImageRgb } from '@plumbline/data/dataset';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const boards = join(import.meta.dirname, '../../../../firmware-configs/lines/demo/boards');
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-convert-'));
});
afterEach(() => rm(dir, { recursive: true }));

const convert = async (dataset: Dataset, to: ConvertedFormat, name: string) => {
  const { spec } = await convertDataset(dataset, { to, out: join(dir, name) });
  return openDataset(spec);
};
const contentOf = ({ classes, samples }: Dataset) => ({
  classes,
  images: samples.map(({ stem, width, height, gtBoxesXyxy, gtLabels }) => ({
    stem,
    size: [width, height],
    boxes: [...gtBoxesXyxy],
    labels: [...gtLabels],
  })),
});

/** Boxes with decimals that binary numbers do not have, an image without a box and a class without one. */
async function awkwardDataset(): Promise<Dataset> {
  const [first, second] = (await openDataset(`deeppcb:${boards}`)).samples;
  const gtBoxesXyxy = Float64Array.of(0.1, 0.2, 473.07, 395.93, 1 / 3, 2, 639.999, 640);
  const gtDifficult = Uint8Array.of(0, 1);
  return {
    name: 'awkward',
    classes: ['one & "only"', 'unused', 'third'],
    samples: [
      { ...first!, gtBoxesXyxy, gtLabels: Int32Array.of(2, 0), gtDifficult },
      { ...second!, gtBoxesXyxy: new Float64Array(0), gtLabels: new Int32Array(0) },
    ],
  };
}

describe('convertDataset', () => {
  it.each([
    ['coco', 'voc', 'yolo'],
    ['yolo', 'coco', 'voc'],
    ['voc', 'yolo', 'coco'],
  ] as const)('through %s, %s and %s gives the same boxes and classes', async (...formats) => {
    const source = await awkwardDataset();
    // 1/3 has no last decimal: the first writing rounds it to 1e-9 px, every other one keeps it.
    const first = await convert(source, formats[0], 'first');
    const expected = contentOf(source);
    expected.images[0]!.boxes[4] = contentOf(first).images[0]!.boxes[4]!;
    expect(expected.images[0]!.boxes[4]).toBeCloseTo(1 / 3, 8);
    expect(contentOf(first)).toEqual(expected);
    const second = await convert(first, formats[1], 'second');
    const third = await convert(second, formats[2], 'third');
    expect(contentOf(second)).toEqual(expected);
    expect(contentOf(third)).toEqual(expected);
  });

  it('carries the shipped boards over with their pixels', async () => {
    const source = await openDataset(`deeppcb:${boards}`);
    const converted = await convert(source, 'coco', 'boards');
    expect(contentOf(converted)).toEqual(contentOf(source));
    const [before, after] = [source.samples[3]!, converted.samples[3]!];
    expect(await readFile(after.file)).toEqual(await readFile(before.file));
  });

  it('keeps difficult in VOC and says what YOLO cannot hold', async () => {
    const source = await awkwardDataset();
    expect([...(await convert(source, 'voc', 'voc')).samples[0]!.gtDifficult!]).toEqual([0, 1]);
    const { lost } = await convertDataset(source, { to: 'yolo', out: join(dir, 'yolo') });
    expect(lost).toEqual({ difficult: 1 });
  });

  it('writes over nothing', async () => {
    await writeFile(join(dir, 'mine.txt'), 'kept');
    const attempt = convertDataset(await awkwardDataset(), { to: 'voc', out: dir });
    await expect(attempt).rejects.toMatchObject({ code: 'PLB_DATA_OUT_IN_USE', params: { folder: dir } });
  });

  it('scales mono images of fewer bits to eight and refuses colour', async () => {
    const file = join(dir, 'mono.png');
    const raw = { width: 4, height: 1, channels: 1 } as const;
    await sharp(Uint16Array.of(0, 2048, 4095, 5000), { raw })
      .toColourspace('grey16')
      .png()
      .toFile(file);
    const sample = {
      imageId: 1,
      stem: 'mono',
      file,
      width: 4,
      height: 1,
      gtBoxesXyxy: new Float64Array(0),
      gtLabels: new Int32Array(0),
    };
    const dataset = { name: 'mono', classes: ['a'], samples: [sample] };
    const { spec } = await convertDataset(dataset, { to: 'coco', out: join(dir, 'out'), bits: 12 });
    const { data } = await readImageRgb((await openDataset(spec)).samples[0]!.file);
    expect([...data].filter((_, i) => i % 3 === 0)).toEqual([0, 128, 255, 255]);
    const colour = join(dir, 'colour.png');
    await sharp({ create: { width: 4, height: 1, channels: 3, background: '#123' } }).toFile(colour);
    const attempt = convertDataset(
      { ...dataset, samples: [{ ...sample, file: colour }] },
      { to: 'coco', out: join(dir, 'no'), bits: 12 },
    );
    await expect(attempt).rejects.toMatchObject({
      code: 'PLB_DATA_IMAGE_UNREADABLE',
      message: expect.stringContaining('3 channels'),
    });
  });
});

describe('mapClasses', () => {
  it('renames, merges and leaves out', async () => {
    const mapped = mapClasses(await awkwardDataset(), { third: 'defect', 'one & "only"': null });
    expect(mapped.classes).toEqual(['unused', 'defect']);
    expect([...mapped.samples[0]!.gtLabels]).toEqual([1]);
    expect([...mapped.samples[0]!.gtBoxesXyxy]).toEqual([0.1, 0.2, 473.07, 395.93]);
    expect([...mapped.samples[0]!.gtDifficult!]).toEqual([0]);
    const merged = mapClasses(await awkwardDataset(), { third: 'unused', 'one & "only"': 'unused' });
    expect(merged.classes).toEqual(['unused']);
    expect([...merged.samples[0]!.gtLabels]).toEqual([0, 0]);
  });

  it('refuses a name that the dataset does not have, and to leave out everything', async () => {
    const dataset = await awkwardDataset();
    const refusal = expect.objectContaining({ code: 'PLB_DATA_CLASS_MAP' });
    const attempt = (map: Record<string, string | null>) => {
      try {
        return mapClasses(dataset, map);
      } catch (error) {
        return error;
      }
    };
    expect(attempt({ thrid: 'x' })).toEqual(refusal);
    expect(attempt({ third: null, unused: null, 'one & "only"': null })).toEqual(refusal);
  });
});
