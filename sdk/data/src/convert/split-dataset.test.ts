import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { convertDataset, splitDataset, writeSplit } from '@plumbline/data/convert';
import { type Dataset, openDataset } from '@plumbline/data/dataset';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const boards = join(import.meta.dirname, '../../../../firmware-configs/lines/demo/boards');
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-split-'));
});
afterEach(() => rm(dir, { recursive: true }));

/** 200 images, of which 40 show class 0, 20 class 1, 10 class 2 and the others nothing. */
const made: Dataset = {
  name: 'made',
  classes: ['often', 'seldom', 'rare'],
  samples: Array.from({ length: 200 }, (_, i) => {
    const label = i < 40 ? 0 : i < 60 ? 1 : i < 70 ? 2 : -1;
    const gtLabels = label < 0 ? new Int32Array(0) : Int32Array.of(label);
    const gtBoxesXyxy = Float64Array.from(label < 0 ? [] : [0, 0, 5, 5]);
    return {
      imageId: i + 1,
      stem: `part${i % 25}-${i}`,
      file: `${i}.png`,
      width: 10,
      height: 10,
      gtBoxesXyxy,
      gtLabels,
    };
  }),
};
const stems = (samples: readonly { stem: string }[]) => samples.map(({ stem }) => stem);

describe('splitDataset', () => {
  it('gives both sides the same share of every class and of the images without any', () => {
    const { train, val } = splitDataset(made, { valShare: 0.2, seed: 5 });
    const withClass = (label: number) => val.filter(({ gtLabels }) => gtLabels[0] === label).length;
    expect([withClass(0), withClass(1), withClass(2)]).toEqual([8, 4, 2]);
    expect(val).toHaveLength(40);
    expect(new Set([...stems(train), ...stems(val)]).size).toBe(200);
  });

  it('is the same for the same seed and another for another', () => {
    const val = (seed: number) => stems(splitDataset(made, { valShare: 0.2, seed }).val);
    expect(val(5)).toEqual(val(5));
    expect(val(6)).not.toEqual(val(5));
  });

  it('keeps groups together', () => {
    const groupOf = ({ stem }: { stem: string }) => stem.split('-')[0]!;
    const { train, val } = splitDataset(made, { valShare: 0.2, seed: 5, groupOf });
    const groups = new Set(val.map(groupOf));
    expect(train.some((sample) => groups.has(groupOf(sample)))).toBe(false);
    expect(val.length).toBeGreaterThanOrEqual(32);
    expect(val.length).toBeLessThanOrEqual(48);
  });
});

describe('writeSplit', () => {
  it('writes lists of stems that the reader finds in the folder of the dataset', async () => {
    const source = await openDataset(`deeppcb:${boards}`);
    const { spec } = await convertDataset(source, { to: 'voc', out: join(dir, 'voc') });
    const dataset = await openDataset(spec);
    const split = splitDataset(dataset, { valShare: 0.25, seed: 1 });
    const elsewhere = await writeSplit(dataset, split, join(dir, 'lists'));
    expect(elsewhere.isInPlace).toBe(false);
    expect((await readFile(elsewhere.files[1]!, 'utf8')).trim().split('\n')).toEqual(stems(split.val));
    const { specs, isInPlace } = await writeSplit(dataset, split, join(dir, 'voc'));
    expect(isInPlace).toBe(true);
    expect(stems((await openDataset(specs.val)).samples)).toEqual(stems(split.val));
    expect((await openDataset(specs.train)).samples).toHaveLength(18);
    await expect(writeSplit(dataset, split, join(dir, 'voc'))).rejects.toMatchObject({ code: 'PLB_DATA_OUT_IN_USE' });
  });

  it.each(['coco', 'yolo'] as const)('writes two sides of %s that open as they are', async (to) => {
    const source = await openDataset(`deeppcb:${boards}`);
    const { spec } = await convertDataset(source, { to, out: join(dir, to) });
    const dataset = await openDataset(spec);
    const split = splitDataset(dataset, { valShare: 0.25, seed: 1 });
    const { specs } = await writeSplit(dataset, split, join(dir, 'sides'));
    const val = await openDataset(specs.val);
    expect(stems(val.samples)).toEqual(stems(split.val));
    expect([...val.samples[0]!.gtBoxesXyxy]).toEqual([...split.val[0]!.gtBoxesXyxy]);
    expect((await openDataset(specs.train)).samples).toHaveLength(split.train.length);
  });
});
