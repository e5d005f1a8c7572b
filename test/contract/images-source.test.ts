import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readImageRgb } from '@plumbline/data/dataset';
import { type CapturedFrame, ImagesSource, type SkippedFrame } from '@plumbline/edge/capture';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frameSourceContract } from './frame-source.contract.js';

const folder = await mkdtemp(join(tmpdir(), 'plumbline-images-'));
const empty = await mkdtemp(join(tmpdir(), 'plumbline-empty-'));
const never = new AbortController().signal;

/** A picture of one colour, 8 x 6. */
const picture = (r: number) =>
  sharp({ create: { width: 8, height: 6, channels: 3, background: { r, g: 20, b: 30 } } }).png();

beforeAll(async () => {
  for (const [index, name] of ['b.png', 'a.png', 'C.png', 'd.png'].entries()) {
    await picture(10 * (index + 1)).toFile(join(folder, name));
  }
  await writeFile(join(folder, 'notes.txt'), 'not an image');
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await rm(empty, { recursive: true });
});

const once = { cameraId: 'cam', path: folder, framesPerSecond: 1000, loop: false };

frameSourceContract({
  name: 'images',
  frameCount: 4,
  create: () => new ImagesSource(once),
  createLost: () => new ImagesSource({ ...once, path: join(folder, 'nowhere') }),
  lostCode: 'PLB_EDGE_SOURCE_UNREADABLE',
});

describe('ImagesSource', () => {
  it('reads in name order by code unit and gives exact RGB pixels', async () => {
    const seen: [string, number][] = [];
    for await (const frame of new ImagesSource({ ...once, isLossless: true }).frames(never)) {
      seen.push([frame.frameId, frame.data[0]!]);
      expect([...frame.data.subarray(1, 3)]).toEqual([20, 30]);
    }
    expect(seen).toEqual([
      ['0-C', 30],
      ['1-a', 20],
      ['2-b', 10],
      ['3-d', 40],
    ]);
  });

  it('gives the pixels that datasets are read with, whatever the file holds', async () => {
    const mixed = await mkdtemp(join(tmpdir(), 'plumbline-mixed-'));
    const noise = Buffer.from(Array.from({ length: 32 * 24 * 3 }, (_, i) => (i * 7919) % 251));
    const noisy = () => sharp(noise, { raw: { width: 32, height: 24, channels: 3 } });
    await noisy().toColourspace('b-w').toFile(join(mixed, 'grey.png'));
    await noisy().toColourspace('b-w').jpeg().toFile(join(mixed, 'grey.jpg'));
    await noisy().ensureAlpha(0.5).toFile(join(mixed, 'alpha.png'));
    await noisy().toColourspace('rgb16').toFile(join(mixed, 'deep.png'));
    await noisy()
      .jpeg({ chromaSubsampling: '4:2:0' })
      .withMetadata({ orientation: 6 })
      .toFile(join(mixed, 'turned.jpg'));
    await noisy().webp().toFile(join(mixed, 'a.webp'));
    await noisy().tiff().toFile(join(mixed, 'a.tiff'));
    const names = (await readdir(mixed)).sort();
    const frames: CapturedFrame[] = [];
    for await (const frame of new ImagesSource({ ...once, path: mixed }).frames(never)) frames.push(frame);
    expect(frames).toHaveLength(names.length);
    for (const [index, name] of names.entries()) {
      const expected = await readImageRgb(join(mixed, name));
      const { width, height, data } = frames[index]!;
      expect({ width, height }, name).toEqual({ width: expected.width, height: expected.height });
      expect(Buffer.compare(data, expected.data), name).toBe(0);
    }
    await rm(mixed, { recursive: true });
  });

  it('skips a corrupt and a truncated image with a coded error and goes on', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'plumbline-corrupt-'));
    await copyFile(join(folder, 'a.png'), join(dir, '1.png'));
    await writeFile(join(dir, '2.png'), 'this is no PNG');
    const noise = Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 251));
    const whole = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
      .jpeg()
      .toBuffer();
    await writeFile(join(dir, '3.jpg'), whole.subarray(0, whole.length / 2));
    await copyFile(join(folder, 'b.png'), join(dir, '4.png'));
    const skipped: SkippedFrame[] = [];
    const frames: number[] = [];
    const source = new ImagesSource({ ...once, path: dir, onSkip: (skip) => skipped.push(skip) });
    for await (const frame of source.frames(never)) frames.push(frame.seq);
    expect(frames).toEqual([0, 3]);
    expect(skipped.map((s) => [s.seq, s.error.code])).toEqual([
      [1, 'PLB_EDGE_IMAGE_UNREADABLE'],
      [2, 'PLB_EDGE_IMAGE_UNREADABLE'],
    ]);
    expect(skipped[0]!.error.message).toContain(join(dir, '2.png'));
    await rm(dir, { recursive: true });
  });

  it('says that a folder holds no image', async () => {
    const source = new ImagesSource({ ...once, path: empty });
    await expect(source.frames(never).next()).rejects.toMatchObject({ code: 'PLB_EDGE_SOURCE_EMPTY' });
  });

  it('paces frames without drift: 21 frames at 50 per second take 400 ms', async () => {
    const source = new ImagesSource({ ...once, framesPerSecond: 50, loop: true });
    const stamps: number[] = [];
    for await (const frame of source.frames(never)) {
      stamps.push(Number(frame.hostMonoNs) / 1e6);
      source.release(frame.data);
      if (stamps.length === 21) break;
    }
    const takenMs = stamps.at(-1)! - stamps[0]!;
    expect(takenMs).toBeGreaterThan(370);
    expect(takenMs).toBeLessThan(600);
  });

  it('starts again after the last image when it loops', async () => {
    const names: string[] = [];
    for await (const frame of new ImagesSource({ ...once, loop: true }).frames(never)) {
      names.push(frame.frameId);
      if (names.length === 6) break;
    }
    expect(names).toEqual(['0-C', '1-a', '2-b', '3-d', '4-C', '5-a']);
  });
});
