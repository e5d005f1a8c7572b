/** The grid of COCO's box evaluation. Source: pycocotools cocoeval.py, class Params. */

/** A range of areas in px^2, both ends included. */
export interface AreaRange {
  readonly name: string;
  readonly min: number;
  readonly max: number;
}

/** What AP and AR are computed over. */
export interface CocoGrid {
  /** At most 16. */
  readonly iouThresholds: Float64Array;
  /** Recall at which precision is read. */
  readonly recallThresholds: Float64Array;
  /** At most 8; the first one is that of AP and AR without a suffix. */
  readonly areaRanges: readonly AreaRange[];
  /** Detections of one image and category that are looked at, best scores first; ascending. AP takes the last. */
  readonly maxDetections: readonly number[];
}

/** IoU thresholds 0.5 ... 0.95. numpy's linspace computes i * step + start, so the ninth is 0.8999999999999999. */
export const iouThresholds = linspace(0.5, 0.95, 10);

/** Recall at which precision is read, 0 ... 1 in 101 steps. */
export const recallThresholds = linspace(0, 1, 101);

export const areaRanges: readonly AreaRange[] = [
  { name: 'all', min: 0, max: 1e10 },
  { name: 'small', min: 0, max: 1024 },
  { name: 'medium', min: 1024, max: 9216 },
  { name: 'large', min: 9216, max: 1e10 },
];

export const maxDetections: readonly number[] = [1, 10, 100];

export const cocoGrid: CocoGrid = { iouThresholds, recallThresholds, areaRanges, maxDetections };

/** numpy's linspace: `i * step + start` in float64, the last value exact. */
function linspace(start: number, stop: number, count: number): Float64Array {
  const step = (stop - start) / (count - 1);
  const values = Float64Array.from({ length: count }, (_, i) => i * step + start);
  values[count - 1] = stop;
  return values;
}
