const iccProfile = 'ICC_PROFILE';

/**
 * Whether the bytes begin a JPEG of one component or an 8-bit grey PNG, without a colour profile. Only these are sure to
 * decode to the same levels in one channel as in three.
 * Source: ITU-T T.81 annex B (markers), PNG specification section 11.2.2 (IHDR).
 */
export function isPlainGrey(bytes: Buffer): boolean {
  if (bytes.length < 33) return false;
  if (bytes.readUInt16BE(0) === 0xffd8) return isGreyJpeg(bytes, { isApp1Accepted: true });
  if (bytes.readUInt32BE(0) !== 0x89504e47) return false;
  const bitDepth = bytes[24];
  const colourType = bytes[25];
  return bitDepth === 8 && colourType === 0 && !hasPngProfile(bytes);
}

/** Whether the bytes begin a plain grey JPEG without APP1, where EXIF could ask for the image to be turned. */
export const isUprightGreyJpeg = (bytes: Buffer): boolean =>
  bytes.length >= 33 && bytes.readUInt16BE(0) === 0xffd8 && isGreyJpeg(bytes, { isApp1Accepted: false });

function isGreyJpeg(bytes: Buffer, { isApp1Accepted }: { readonly isApp1Accepted: boolean }): boolean {
  let at = 2;
  while (at + 10 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at++; // fill byte
      continue;
    }
    if (marker === 0xe2 && bytes.toString('latin1', at + 4, at + 4 + iccProfile.length) === iccProfile) return false;
    if (marker === 0xe1 && !isApp1Accepted) return false;
    const isFrameHeader = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrameHeader) return bytes[at + 4] === 8 && bytes[at + 9] === 1;
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return false;
}

/** Colour chunks stand before the pixels (IDAT). */
function hasPngProfile(bytes: Buffer): boolean {
  let at = 8;
  while (at + 12 <= bytes.length) {
    const type = bytes.toString('latin1', at + 4, at + 8);
    if (type === 'IDAT') return false;
    if (type === 'iCCP' || type === 'tRNS' || type === 'cICP') return true;
    at += 12 + bytes.readUInt32BE(at);
  }
  return true;
}
