import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { largestValueOf16Bit, readImageRgb, readImageSize } from '@plumbline/data/dataset';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-image-'));
});
afterAll(() => rm(dir, { recursive: true }));

/** A mono image of 16 bits a pixel. */
const mono16 = async (name: string, values: number[], width: number) => {
  const raw = { width, height: values.length / width, channels: 1 } as const;
  const file = join(dir, name);
  const image = sharp(Uint16Array.from(values), { raw }).toColourspace('grey16');
  await (name.endsWith('png') ? image.png() : image.tiff({ bitdepth: 16, compression: 'none' } as never)).toFile(file);
  return file;
};

describe('readImageRgb', () => {
  it('turns an image upright by its EXIF orientation, in pixels and in the size from the header', async () => {
    const file = join(dir, 'turned.jpg');
    const pixels = { create: { width: 32, height: 16, channels: 3, background: '#000' } } as const;
    const white = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#fff' } })
      .png()
      .toBuffer();
    // Orientation 6: the camera was turned; the upper left corner of the file is the upper right of the scene.
    await sharp(pixels)
      .composite([{ input: white, left: 0, top: 0 }])
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 100 })
      .toFile(file);
    expect(await readImageSize(file)).toEqual({ width: 16, height: 32 });
    const { width, height, data } = await readImageRgb(file);
    expect([width, height]).toEqual([16, 32]);
    expect(data[3 * 15]).toBeGreaterThan(250);
    expect(data[0]).toBeLessThan(5);
  });

  it('takes the upper eight of sixteen bits', async () => {
    const file = await mono16('scaled.png', [0, 255, 256, 4095, 32768, 65535], 3);
    const { data } = await readImageRgb(file);
    expect([...data].filter((_, i) => i % 3 === 0)).toEqual([0, 0, 1, 15, 128, 255]);
    expect(await largestValueOf16Bit(file)).toBe(65535);
  });

  it('knows a range for images of sixteen bits only', async () => {
    const file = join(dir, 'plain.png');
    await sharp({ create: { width: 4, height: 4, channels: 3, background: '#333' } }).toFile(file);
    expect(await largestValueOf16Bit(file)).toBeNull();
    await expect(largestValueOf16Bit(join(dir, 'none.png'))).rejects.toMatchObject({
      code: 'PLB_DATA_IMAGE_UNREADABLE',
    });
  });
});
