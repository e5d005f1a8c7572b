import { PlumblineError } from '@plumbline/contract';
import type { ImageRgb } from '@plumbline/core/image';
import sharp from 'sharp';

/**
 * Decodes an image file to interleaved 8-bit RGB, turned upright by its EXIF orientation as viewers and labelling tools
 * show it; grey is copied to the three channels, alpha is dropped. Of 16 bits the upper 8 are taken (value / 256, rounded
 * down), so a camera with 10 or 12 bits has to write them left-aligned; `dataset convert --bits` scales others.
 * @throws {PlumblineError} PLB_DATA_IMAGE_UNREADABLE if it is missing, truncated or no image
 */
export async function readImageRgb(file: string): Promise<ImageRgb> {
  try {
    const { data, info } = await sharp(file)
      .autoOrient()
      .toColourspace('srgb')
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const pixels = info.channels === 3 ? ownedBytes(data) : greyToRgb(data, info.width * info.height);
    return { width: info.width, height: info.height, data: pixels };
  } catch (cause) {
    throw new PlumblineError('PLB_DATA_IMAGE_UNREADABLE', { file, reason: firstLine(cause) }, { cause });
  }
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

function greyToRgb(grey: Buffer, pixels: number): Uint8Array<ArrayBuffer> {
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
