import type { Detection } from '@plumbline/core/geometry';
import type { ImageRgb } from '@plumbline/core/image';
import sharp from 'sharp';
import { glyphAdvance, glyphHeight, textPath } from './glyphs.js';

/** Colours told apart by people with any kind of colour vision; Okabe and Ito's set without black. */
const colours = ['#e69f00', '#56b4e9', '#009e73', '#f0e442', '#0072b2', '#d55e00', '#cc79a7'];

/**
 * Draws boxes with class name and score over an image.
 * @param detections corners in px of `image`; a higher score is drawn above a lower one
 * @returns the picture as PNG
 */
export async function drawDetections(image: ImageRgb, detections: readonly Detection[]): Promise<Buffer> {
  const { width, height, data } = image;
  const overlay = Buffer.from(detectionsSvg(width, height, detections));
  return sharp(data, { raw: { width, height, channels: 3 } })
    .composite([{ input: overlay }])
    .png()
    .toBuffer();
}

/** The overlay of {@link drawDetections} alone, of the size of the image. */
export function detectionsSvg(width: number, height: number, detections: readonly Detection[]): string {
  const rising = [...detections].sort((a, b) => a.score - b.score);
  const boxes = rising.map(({ classId, className, score, boxXyxy }) => {
    return { classId, text: `${className} ${score.toFixed(2)}`, boxXyxy };
  });
  return labelledBoxesSvg(width, height, boxes);
}

/** A box in px with the text above it; the class decides the colour. */
export interface LabelledBox {
  readonly classId: number;
  readonly text: string;
  readonly boxXyxy: readonly [number, number, number, number];
}

/** An overlay of `width` x `height` px with boxes; later ones lie above earlier ones. */
export function labelledBoxesSvg(width: number, height: number, boxes: readonly LabelledBox[]): string {
  // One dot of a letter per 640 px of image: a label stays readable when a large picture is shown small.
  const dot = Math.max(1, Math.round(Math.min(width, height) / 640));
  const shapes = boxes.map((box) => shape(box, dot, width));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${shapes.join('')}</svg>`;
}

function shape({ classId, text, boxXyxy }: LabelledBox, dot: number, imageWidth: number): string {
  const colour = colours[classId % colours.length]!;
  const [x1, y1, x2, y2] = boxXyxy;
  const labelWidth = ([...text].length * glyphAdvance + 3) * dot;
  const labelHeight = (glyphHeight + 4) * dot;
  const left = Math.max(0, Math.min(Math.round(x1 - dot), imageWidth - labelWidth));
  // Above the box, or inside it where the picture ends.
  const top = Math.round(y1) - labelHeight >= 0 ? Math.round(y1) - labelHeight : Math.round(y1);
  const box = `<rect x="${x1}" y="${y1}" width="${x2 - x1}" height="${y2 - y1}" fill="none" stroke="${colour}" stroke-width="${2 * dot}"/>`;
  const plate = `<rect x="${left}" y="${top}" width="${labelWidth}" height="${labelHeight}" fill="${colour}"/>`;
  const label = `<path d="${textPath(text, left + 2 * dot, top + 2 * dot, dot)}" fill="${inkOn(colour)}"/>`;
  return box + plate + label;
}

/** Black or white, whichever reads better on the colour. */
function inkOn(colour: string): string {
  const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16)) as [number, number, number];
  return 0.299 * r + 0.587 * g + 0.114 * b > 120 ? '#000' : '#fff';
}
