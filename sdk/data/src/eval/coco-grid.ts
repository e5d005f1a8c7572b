/** The fixed grid of COCO's box evaluation. Source: pycocotools cocoeval.py, class Params. */

/** IoU thresholds 0.5 ... 0.95. numpy's linspace computes i * step + start, so the ninth is 0.8999999999999999. */
export const iouThresholds = linspace(0.5, 0.95, 10);

/** Recall at which precision is read, 0 ... 1 in 101 steps. */
export const recallThresholds = linspace(0, 1, 101);

/** Area ranges in px^2, both ends included. */
export const areaRanges = [
  { name: 'all', min: 0, max: 1e10 },
  { name: 'small', min: 0, max: 1024 },
  { name: 'medium', min: 1024, max: 9216 },
  { name: 'large', min: 9216, max: 1e10 },
] as const;

/** Detections of one image and category that are looked at, best scores first. */
export const maxDetections = [1, 10, 100] as const;

/** numpy's linspace: `i * step + start` in float64, the last value exact. */
function linspace(start: number, stop: number, count: number): Float64Array {
  const step = (stop - start) / (count - 1);
  const values = Float64Array.from({ length: count }, (_, i) => i * step + start);
  values[count - 1] = stop;
  return values;
}
