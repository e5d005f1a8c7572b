import { createRandom } from '@plumbline/core/random';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeGreyJpeg } from './grey-jpeg.js';
import { isPlainGrey } from './plain-grey.js';

/** Edges, slopes and noise; sides that are no multiple of the 8 x 8 blocks. */
function picture(width: number, height: number) {
  const random = createRandom(5);
  const data = Uint8Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    return (x * 3 + y) % 256 > 128 ? 250 - 40 * random.next() : (x * y) % 97;
  });
  return sharp(data, { raw: { width, height, channels: 1 } }).toColourspace('b-w');
}

describe('decodeGreyJpeg', () => {
  it.each([
    ['baseline', { quality: 90 }],
    ['coarse', { quality: 20 }],
    ['progressive', { quality: 75, progressive: true }],
  ])('gives the levels that sharp gives: %s', async (_, options) => {
    for (const [width, height] of [
      [640, 480],
      [37, 51],
      [8, 8],
    ] as const) {
      const jpeg = await picture(width, height).jpeg(options).toBuffer();
      const decoded = decodeGreyJpeg(jpeg)!;
      expect(decoded).toMatchObject({ width, height, channels: 1 });
      expect(Buffer.from(decoded.data)).toEqual(await sharp(jpeg).toColourspace('b-w').raw().toBuffer());
    }
  });

  it('leaves a turned image, a coloured one and other formats to sharp', async () => {
    const upright = await picture(40, 30).jpeg().toBuffer();
    // APP1 with one entry of a big-endian TIFF directory: tag 0x112 (orientation), one SHORT, 6.
    const exif = Buffer.from(
      'ffe100224578696600004d4d002a0000000800010112000300000001000600000000000000',
      'hex',
    ).subarray(0, 36);
    const turned = Buffer.concat([upright.subarray(0, 2), exif, upright.subarray(2)]);
    expect((await sharp(turned).metadata()).orientation).toBe(6);
    expect(isPlainGrey(turned)).toBe(true);
    expect(decodeGreyJpeg(turned)).toBeUndefined();
    expect(decodeGreyJpeg(await picture(40, 30).toColourspace('srgb').jpeg().toBuffer())).toBeUndefined();
    expect(decodeGreyJpeg(await picture(40, 30).png().toBuffer())).toBeUndefined();
  });

  it('leaves a broken file to sharp, and decodes the next one', async () => {
    const jpeg = await picture(64, 64).jpeg().toBuffer();
    expect(decodeGreyJpeg(jpeg.subarray(0, jpeg.length / 2))).toBeUndefined();
    const tables = Buffer.from(jpeg);
    tables.fill(0xff, jpeg.indexOf(Buffer.from([0xff, 0xc4])) + 4, jpeg.indexOf(Buffer.from([0xff, 0xda])));
    expect(decodeGreyJpeg(tables)).toBeUndefined();
    expect(decodeGreyJpeg(jpeg)).toBeDefined();
  });
});
