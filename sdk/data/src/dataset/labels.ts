/** Shapes in this module: G boxes of one image, in px of the upright image. */
import { PlumblineError } from '@plumbline/contract';

/** Place of a label; `column` 1 where a format has no better one. */
export interface LabelPlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

type SizePx = { readonly width: number; readonly height: number };
export type BoxXyxy = readonly [x1: number, y1: number, x2: number, y2: number];

/** Rounding of normalised coordinates and of decimals in annotation tools; boxes that reach further out are refused. */
const overshootPx = 0.5;

/**
 * @param place asked only when something is wrong: in JSON it takes a pass over the file
 * @param text  the box as it is written, for the message
 * @returns the box to nine decimals, clipped where rounding let it overshoot, or what is wrong with it
 */
export function checkBox(box: BoxXyxy, size: SizePx, place: () => LabelPlace, text: string): BoxXyxy | PlumblineError {
  const [x1, y1, x2, y2] = box;
  if (!(x1 < x2 && y1 < y2)) {
    return new PlumblineError('PLB_DATA_BOX_EMPTY', { ...place(), box: text, accepted: 'x1 < x2 and y1 < y2' });
  }
  const { width, height } = size;
  const isOutside = x1 < -overshootPx || y1 < -overshootPx || x2 > width + overshootPx || y2 > height + overshootPx;
  const inside = [Math.max(0, x1), Math.max(0, y1), Math.min(width, x2), Math.min(height, y2)] as const;
  const clipped = inside.map(roundPx) as [number, number, number, number];
  if (isOutside || !(clipped[0] < clipped[2] && clipped[1] < clipped[3])) {
    return new PlumblineError('PLB_DATA_BOX_OUTSIDE', { ...place(), box: text, width, height });
  }
  return clipped;
}

/** Nine decimals of a px: takes away what binary arithmetic adds to the decimals of a file. */
export const roundPx = (px: number): number => Math.round(px * 1e9) / 1e9;

/** Collects the boxes of one image. */
export class LabelList {
  private readonly boxes: number[] = [];
  private readonly labels: number[] = [];
  private readonly lines: number[] = [];
  private readonly difficult: number[] = [];

  add(box: BoxXyxy, label: number, line: number, isDifficult = false): void {
    this.boxes.push(...box);
    this.labels.push(label);
    this.lines.push(line);
    this.difficult.push(isDifficult ? 1 : 0);
  }

  /** Line of each box in its label file. */
  get gtLines(): readonly number[] {
    return this.lines;
  }

  toGroundTruth(): { gtBoxesXyxy: Float64Array; gtLabels: Int32Array; gtDifficult?: Uint8Array } {
    return {
      gtBoxesXyxy: Float64Array.from(this.boxes),
      gtLabels: Int32Array.from(this.labels),
      ...(this.difficult.includes(1) ? { gtDifficult: Uint8Array.from(this.difficult) } : {}),
    };
  }
}
