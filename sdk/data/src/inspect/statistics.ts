/** Shapes in this module: B boxes of all images. */
import type { Dataset, SampleRef } from '../dataset/index.js';

/** What the labels of a dataset look like. */
export interface LabelStatistics {
  readonly images: number;
  readonly boxes: number;
  /** Boxes of each class. */
  readonly classes: Readonly<Record<string, number>>;
  /** Images with at least one box of each class. */
  readonly imagesOfClass: Readonly<Record<string, number>>;
  /** Images without a box. */
  readonly emptyImages: number;
  /** Quantiles of the square root of the box area, px; null when there is no box. */
  readonly boxSide: Quantiles | null;
  /** Quantiles of width / height. */
  readonly boxAspect: Quantiles | null;
  /** Number of images of each size, `WIDTHxHEIGHT`, most frequent first. */
  readonly imageSizes: Readonly<Record<string, number>>;
}

export interface Quantiles {
  readonly p05: number;
  readonly p50: number;
  readonly p95: number;
}

/** Measures of every box, for plots. */
export interface BoxMeasures {
  /** [B] square root of the area, px. */
  readonly sides: number[];
  /** [B] width / height */
  readonly aspects: number[];
  /** [B] centre as shares of the image's width and height. */
  readonly centres: (readonly [x: number, y: number])[];
  /** Boxes of each image. */
  readonly perImage: number[];
}

export function measureBoxes(samples: readonly SampleRef[]): BoxMeasures {
  const measures: BoxMeasures = { sides: [], aspects: [], centres: [], perImage: [] };
  for (const { gtBoxesXyxy, width, height } of samples) {
    measures.perImage.push(gtBoxesXyxy.length / 4);
    for (let i = 0; i < gtBoxesXyxy.length; i += 4) {
      const [x1, y1, x2, y2] = gtBoxesXyxy.subarray(i, i + 4) as unknown as [number, number, number, number];
      measures.sides.push(Math.sqrt((x2 - x1) * (y2 - y1)));
      measures.aspects.push((x2 - x1) / (y2 - y1));
      measures.centres.push([(x1 + x2) / 2 / width, (y1 + y2) / 2 / height]);
    }
  }
  return measures;
}

export function summarizeLabels(
  { classes }: Pick<Dataset, 'classes'>,
  samples: readonly SampleRef[],
  { sides, aspects }: BoxMeasures,
): LabelStatistics {
  const boxCounts = Object.fromEntries(classes.map((name) => [name, 0]));
  const imageCounts = Object.fromEntries(classes.map((name) => [name, 0]));
  const sizes = new Map<string, number>();
  for (const { gtLabels, width, height } of samples) {
    for (const label of gtLabels) boxCounts[classes[label]!]! += 1;
    for (const label of new Set(gtLabels)) imageCounts[classes[label]!]! += 1;
    sizes.set(`${width}x${height}`, (sizes.get(`${width}x${height}`) ?? 0) + 1);
  }
  return {
    images: samples.length,
    boxes: sides.length,
    classes: boxCounts,
    imagesOfClass: imageCounts,
    emptyImages: samples.filter(({ gtLabels }) => gtLabels.length === 0).length,
    boxSide: quantiles(sides),
    boxAspect: quantiles(aspects),
    imageSizes: Object.fromEntries([...sizes].sort(([, a], [, b]) => b - a)),
  };
}

function quantiles(values: readonly number[]): Quantiles | null {
  if (values.length === 0) return null;
  const ascending = [...values].sort((a, b) => a - b);
  return { p05: quantile(ascending, 0.05), p50: quantile(ascending, 0.5), p95: quantile(ascending, 0.95) };
}

/** Linear interpolation between the two nearest of the ascending values. */
function quantile(ascending: readonly number[], q: number): number {
  const position = (ascending.length - 1) * q;
  const below = Math.floor(position);
  const low = ascending[below]!;
  const high = ascending[Math.min(below + 1, ascending.length - 1)]!;
  return low + (high - low) * (position - below);
}
