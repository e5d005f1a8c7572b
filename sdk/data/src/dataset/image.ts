import { readFileSync } from 'node:fs';
import { PlumblineError } from '@plumbline/contract';
import type { ImageRgb } from '@plumbline/core/image';
import sharp from 'sharp';
import { decodeGreyJpeg } from './grey-jpeg.js';
import { isPlainGrey } from './plain-grey.js';

/** Pixels in row order, 8 bit: data.length = height * width * channels; one channel is grey, three are RGB. */
export interface DecodedImage {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array<ArrayBuffer>;
}

/**
 * Decodes an image file to interleaved 8-bit RGB, turned upright by its EXIF orientation as viewers and labelling tools
 * show it; grey is copied to the three channels, alpha is dropped. Of 16 bits the upper 8 are taken (value / 256, rounded
 * down), so a camera with 10 or 12 bits has to write them left-aligned; `dataset convert --bits` scales others.
 * @throws {PlumblineError} PLB_DATA_IMAGE_UNREADABLE if it is missing, truncated or no image
 */
export async function readImageRgb(file: string): Promise<ImageRgb> {
  const { width, height, channels, data } = await decode(file, file, 'srgb');
  return { width, height, data: channels === 3 ? data : greyToRgb(data, width * height) };
}

/**
 * As {@link readImageRgb}, but a plain grey file keeps its one channel: decoding and every later pass do a third of
 * the work. The levels are the same. For threads that do nothing else: the file is read synchronously, because four
 * turns through libuv's threads cost more than the reading.
 * @throws {PlumblineError} PLB_DATA_IMAGE_UNREADABLE
 */
export async function readImage(file: string): Promise<DecodedImage> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    throw new PlumblineError('PLB_DATA_IMAGE_UNREADABLE', { file, reason: firstLine(cause) }, { cause });
  }
  return decodeGreyJpeg(bytes) ?? decode(file, bytes, isPlainGrey(bytes) ? 'b-w' : 'srgb');
}

async function decode(file: string, input: string | Buffer, colourspace: 'srgb' | 'b-w'): Promise<DecodedImage> {
  try {
    const { data, info } = await sharp(input)
      .autoOrient()
      .toColourspace(colourspace)
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, channels: info.channels === 1 ? 1 : 3, data: ownedBytes(data) };
  } catch (cause) {
    throw new PlumblineError('PLB_DATA_IMAGE_UNREADABLE', { file, reason: firstLine(cause) }, { cause });
  }
}

/** A JPEG for the screen, no side longer than `longestPx`. */
export function pictureJpeg({ width, height, data }: ImageRgb, longestPx: number): Promise<Buffer> {
  return sharp(data, { raw: { width, height, channels: 3 } })
    .resize(longestPx, longestPx, { fit: 'inside', withoutEnlargement: true })
    .jpeg({ quality: 85 })
    .toBuffer();
}

/**
 * Reads width and height of the upright image from the file's header without decoding pixels.
 * @throws {PlumblineError} PLB_DATA_IMAGE_UNREADABLE
 */
export async function readImageSize(file: string): Promise<{ width: number; height: number }> {
  try {
    return (await sharp(file).metadata()).autoOrient;
  } catch (cause) {
    throw new PlumblineError('PLB_DATA_IMAGE_UNREADABLE', { file, reason: firstLine(cause) }, { cause });
  }
}

/**
 * Largest value of a 16-bit image; null for other images.
 * @throws {PlumblineError} PLB_DATA_IMAGE_UNREADABLE
 */
export async function largestValueOf16Bit(file: string): Promise<number | null> {
  try {
    const { depth } = await sharp(file).metadata();
    if (depth !== 'ushort') return null;
    const { channels } = await sharp(file).stats();
    return Math.max(...channels.map(({ max }) => max));
  } catch (cause) {
    throw new PlumblineError('PLB_DATA_IMAGE_UNREADABLE', { file, reason: firstLine(cause) }, { cause });
  }
}

/** A view over memory that is not shared, so that the buffer can be transferred to a worker. */
function ownedBytes(data: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = data;
  if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength)
    return new Uint8Array(buffer, byteOffset, byteLength);
  return Uint8Array.from(data);
}

function greyToRgb(grey: Uint8Array, pixels: number): Uint8Array<ArrayBuffer> {
  const rgb = new Uint8Array(pixels * 3);
  for (let i = 0, o = 0; i < pixels; i++, o += 3) {
    const value = grey[i] as number;
    rgb[o] = value;
    rgb[o + 1] = value;
    rgb[o + 2] = value;
  }
  return rgb;
}

function firstLine(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return (message.split('\n')[0] ?? '').trim();
}
