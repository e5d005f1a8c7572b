import { PlumblineError } from '@plumbline/contract';
import sharp from 'sharp';
import { readImageSize } from '../dataset/index.js';
import { type Html, html } from './html.js';

/** Boxes in this module are x, y, width, height in px of the upright image. */

type BoxXywh = readonly [x: number, y: number, width: number, height: number];

/** A box to draw on a picture. */
export interface DrawnBox {
  readonly boxXywh: BoxXywh;
  readonly kind: 'truth' | 'call';
  /** Not what the picture is about: drawn thinner. */
  readonly isAside: boolean;
}

/** Longest side of an embedded picture, px: the file stays small, and a crop is hardly ever larger. */
const maxEmbeddedPx = 320;
const jpegQuality = 80;
/** Width over height of every picture of a gallery. */
const aspect = 4 / 3;
/** Least height of a crop, px, so that a defect of a few pixels is seen on its board. */
const minHeightPx = 96;
/** Height of the crop over the longer side of its box. */
const context = 3;

/**
 * Cuts the surroundings of a box out of an image file and draws boxes over them as vectors, so that they stay sharp.
 * @returns an svg element with the picture inside
 * @throws {PlumblineError} PLB_DATA_IMAGE_UNREADABLE
 */
export async function cropPicture(
  file: string,
  about: BoxXywh,
  boxes: readonly DrawnBox[],
  name: string,
): Promise<Html> {
  const crop = cropAround(about, await readImageSize(file));
  const jpeg = await cutJpeg(file, crop);
  const visible = boxes.filter(
    ({ boxXywh: [x, y, width, height] }) =>
      x < crop.left + crop.width && y < crop.top + crop.height && x + width > crop.left && y + height > crop.top,
  );
  // What the picture is about is drawn last, above the rest.
  const ordered = [...visible].sort((a, b) => Number(b.isAside) - Number(a.isAside));
  return html`<svg viewBox="${crop.left} ${crop.top} ${crop.width} ${crop.height}" role="img" aria-label="${name}"><image x="${crop.left}" y="${crop.top}" width="${crop.width}" height="${crop.height}" preserveAspectRatio="none" href="data:image/jpeg;base64,${jpeg.toString('base64')}"/>${ordered.map(
    ({ boxXywh, kind, isAside }) => {
      const [x, y, width, height] = boxXywh.map((value) => Math.round(value * 10) / 10);
      const place = html`x="${x}" y="${y}" width="${width}" height="${height}"`;
      return html`<rect class="casing${isAside && ' aside'}" ${place}/><rect class="${kind}${isAside && ' aside'}" ${place}/>`;
    },
  )}</svg>`;
}

interface Crop {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** A whole-pixel rectangle of the aspect around the box, moved into the image, smaller only where the image is. */
export function cropAround([x, y, width, height]: BoxXywh, image: { width: number; height: number }): Crop {
  const wantedHeight = Math.max(minHeightPx, context * height, (context * width) / aspect);
  const cropHeight = Math.min(image.height, Math.round(wantedHeight));
  const cropWidth = Math.min(image.width, Math.round(wantedHeight * aspect));
  const place = (middle: number, size: number, whole: number) =>
    Math.max(0, Math.min(whole - size, Math.round(middle - size / 2)));
  return {
    left: place(x + width / 2, cropWidth, image.width),
    top: place(y + height / 2, cropHeight, image.height),
    width: cropWidth,
    height: cropHeight,
  };
}

async function cutJpeg(file: string, crop: Crop): Promise<Buffer> {
  try {
    return await sharp(file)
      .autoOrient()
      .extract({ left: crop.left, top: crop.top, width: crop.width, height: crop.height })
      .resize({ width: maxEmbeddedPx, height: maxEmbeddedPx, fit: 'inside', withoutEnlargement: true })
      .flatten({ background: '#808080' })
      .jpeg({ quality: jpegQuality, mozjpeg: true })
      .toBuffer();
  } catch (cause) {
    const reason = (cause instanceof Error ? cause.message : String(cause)).split('\n')[0]!.trim();
    throw new PlumblineError('PLB_DATA_IMAGE_UNREADABLE', { file, reason }, { cause });
  }
}
