import { PlumblineError } from '@plumbline/contract';
import sharp from 'sharp';

/**
 * Writes a 16-bit mono image of a camera with fewer bits as an 8-bit PNG: `255 * value / (2^bits - 1)`, rounded; values
 * above become white.
 * @param bits significant bits of a pixel, 8..16
 * @throws {PlumblineError} PLB_DATA_IMAGE_UNREADABLE when it is no mono image
 */
export async function writeMonoAs8Bit(file: string, target: string, bits: number): Promise<void> {
  try {
    const image = sharp(file);
    const { channels, depth } = await image.metadata();
    if (channels !== 1) throw new Error(`it has ${channels} channels; --bits is for mono images`);
    const { data, info } = await image
      .toColourspace('grey16')
      .raw({ depth: 'ushort' })
      .toBuffer({ resolveWithObject: true });
    const values = new Uint16Array(data.buffer, data.byteOffset, data.length / 2);
    const white = depth === 'uchar' ? 65535 : 2 ** bits - 1;
    const grey = Uint8Array.from(values, (value) => Math.min(255, Math.round((255 * value) / white)));
    const { width, height } = info;
    await sharp(grey, { raw: { width, height, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toFile(target);
  } catch (cause) {
    const reason = String((cause as Error).message)
      .split('\n')[0]!
      .trim();
    throw new PlumblineError('PLB_DATA_IMAGE_UNREADABLE', { file, reason }, { cause });
  }
}
