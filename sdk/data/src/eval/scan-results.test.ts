import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scanResults } from './scan-results.js';

const scan = (text: string) => scanResults(Buffer.from(text));
const row = (fields: object) => ({ image_id: 1, category_id: 2, bbox: [0, 1, 2, 3], score: 0.5, ...fields });

describe('scanResults', () => {
  it('reads rows in any order of keys, with white space and other keys', () => {
    const text =
      ' [ {"score":1e-3 ,"bbox":[ 1.5,-2,3E2,4.25e+1],"id":7,"name":"a b","ok":true,"none":null,"category_id":2,"image_id":10}\n,\t{"image_id":3,"category_id":4,"bbox":[0,0,0,0],"score":0}] ';
    const found = scan(text)!;
    expect([...found.imageIds]).toEqual([10, 3]);
    expect([...found.categoryIds]).toEqual([2, 4]);
    expect([...found.boxesXywh]).toEqual([1.5, -2, 300, 42.5, 0, 0, 0, 0]);
    expect([...found.scores]).toEqual([0.001, 0]);
    expect(scan('[]')!.scores).toHaveLength(0);
  });

  it('gives the numbers of JSON.parse to the last bit', () => {
    const numberText = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
      fc.tuple(fc.integer(), fc.nat(), fc.integer({ min: -30, max: 30 })).map(([a, b, e]) => `${a}.${b}e${e}`),
      fc.tuple(fc.bigInt({ min: 0n, max: 10n ** 25n }), fc.nat({ max: 400 })).map(([a, e]) => `-${a}E-${e}`),
    );
    fc.assert(
      fc.property(fc.array(numberText, { minLength: 5, maxLength: 5 }), (texts) => {
        const [score, ...box] = texts;
        const text = `[{"image_id":1,"category_id":2,"bbox":[${box.join(',')}],"score":${score}}]`;
        const parsed = JSON.parse(text) as { bbox: number[]; score: number }[];
        const found = scan(text)!;
        expect([...found.boxesXywh, ...found.scores]).toEqual([...parsed[0]!.bbox, parsed[0]!.score]);
      }),
      { numRuns: 2000 },
    );
  });

  it('grows with the file', () => {
    const rows = Array.from({ length: 5000 }, (_, i) => row({ image_id: i, score: i / 5000 }));
    const found = scan(JSON.stringify(rows))!;
    expect([...found.imageIds]).toEqual(rows.map(({ image_id }) => image_id));
    expect([...found.scores]).toEqual(rows.map(({ score }) => score));
  });

  it.each([
    ['no list', '{}'],
    ['a row that is no object', '[1]'],
    ['half a file', '[{"image_id":1,"category_id":2,"bbox":[0,1,2,3],"score":0.5}'],
    ['something after the list', '[] x'],
    ['a comma before the end', `[${JSON.stringify(row({}))},]`],
    ['a missing key', '[{"image_id":1,"category_id":2,"bbox":[0,1,2,3]}]'],
    ['a key twice', '[{"image_id":1,"image_id":1,"category_id":2,"bbox":[0,1,2,3],"score":0.5}]'],
    ['a box of three numbers', JSON.stringify([row({ bbox: [1, 2, 3] })])],
    ['a score in quotes', JSON.stringify([row({ score: '0.5' })])],
    ['a score of null', JSON.stringify([row({ score: null })])],
    ['NaN', '[{"image_id":1,"category_id":2,"bbox":[0,1,2,3],"score":NaN}]'],
    ['a leading zero', '[{"image_id":01,"category_id":2,"bbox":[0,1,2,3],"score":0.5}]'],
    ['a point without decimals', '[{"image_id":1.,"category_id":2,"bbox":[0,1,2,3],"score":0.5}]'],
    ['an exponent without digits', '[{"image_id":1e,"category_id":2,"bbox":[0,1,2,3],"score":0.5}]'],
    ['a key with an escape', '[{"image_\\u0069d":1,"category_id":2,"bbox":[0,1,2,3],"score":0.5}]'],
    ['a nested value', JSON.stringify([row({ segmentation: [[1, 2]] })])],
  ])('leaves %s to the parser', (_, text) => {
    expect(scan(text)).toBeUndefined();
  });
});
