/** Shapes in this module: N images, H x W cells of C channels, R rois, P = outSize. Maps are flat, channels last. */
import { PlumblineError } from '@plumbline/contract';

export interface RoiAlignOptions {
  /** Cells of the map per px of the image, 1 / stride. */
  readonly spatialScale: number;
  /** Bins per axis. */
  readonly outSize: number;
  /** Samples per bin and axis; 0 is adaptive: as many as the bin has cells, rounded up, each axis and roi for itself. */
  readonly samplingRatio: number;
  /** Shift by half a cell, so that coordinate 0 is the edge of the first cell; without it sides are at least one cell. */
  readonly aligned: boolean;
}

export interface MapShape {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** A roi in cells of the map. */
export interface RoiOnMap {
  readonly image: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Samples per bin; 0 for an empty or inverted roi under adaptive sampling, whose bins are then 0. */
  readonly samplesX: number;
  readonly samplesY: number;
}

/** Roi `r` of [R, 5]; rounded to float32 where the reference is, so that adaptive sampling takes equally many samples. */
export function roiOnMap(rois: Float32Array, r: number, options: RoiAlignOptions): RoiOnMap {
  const { fround } = Math;
  const { spatialScale, outSize, samplingRatio, aligned } = options;
  const place = (value: number) => fround(fround(value * spatialScale) - (aligned ? 0.5 : 0));
  const side = (start: number, end: number) => Math.max(fround(end - start), aligned ? -Infinity : 1);
  const samples = (length: number) => samplingRatio || Math.max(0, Math.ceil(fround(length / outSize)));
  const x = place(rois[5 * r + 1]!);
  const y = place(rois[5 * r + 2]!);
  const width = side(x, place(rois[5 * r + 3]!));
  const height = side(y, place(rois[5 * r + 4]!));
  return { image: rois[5 * r]!, x, y, width, height, samplesX: samples(width), samplesY: samples(height) };
}

/**
 * Average of bilinear samples in each bin of each roi. A sample up to one cell outside takes the border's value, one
 * farther out counts as 0.
 * @param features [N * H * W * C]
 * @param rois     [R * 5] image index, x1, y1, x2, y2 in px of the image; they may lie outside, be empty or inverted
 * @returns [R * P * P * C]
 * @throws {PlumblineError} PLB_CORE_SHAPE_MISMATCH if an array does not have the size that its shape says
 * Source: Mask R-CNN (arXiv:1703.06870) section 3, as torchvision.ops.roi_align computes it.
 */
export function roiAlign(
  features: Float32Array,
  shape: MapShape,
  rois: Float32Array,
  options: RoiAlignOptions,
): Float32Array {
  expectLength('features', features, shape.batch * shape.height * shape.width * shape.channels);
  const { channels } = shape;
  const out = new Float32Array((rois.length / 5) * options.outSize ** 2 * channels);
  forEachCorner(rois, shape, options, (bin, cell, weight) => {
    const to = bin * channels;
    const from = cell * channels;
    for (let c = 0; c < channels; c++) out[to + c]! += weight * features[from + c]!;
  });
  return out;
}

/**
 * The transpose of {@link roiAlign}; rois carry no gradient.
 * @param dy [R * P * P * C]
 * @returns gradient of the features [N * H * W * C]
 * @throws {PlumblineError} PLB_CORE_SHAPE_MISMATCH if `dy` does not fit the rois
 */
export function roiAlignGradient(
  dy: Float32Array,
  shape: MapShape,
  rois: Float32Array,
  options: RoiAlignOptions,
): Float32Array {
  const { batch, height, width, channels } = shape;
  expectLength('dy', dy, (rois.length / 5) * options.outSize ** 2 * channels);
  const gradient = new Float32Array(batch * height * width * channels);
  forEachCorner(rois, shape, options, (bin, cell, weight) => {
    const from = bin * channels;
    const to = cell * channels;
    for (let c = 0; c < channels; c++) gradient[to + c]! += weight * dy[from + c]!;
  });
  return gradient;
}

/** Calls `visit` with each bin (index in [R, P, P]), cell (index in [N, H, W]) and the cell's share of the average. */
function forEachCorner(
  rois: Float32Array,
  { height, width }: MapShape,
  options: RoiAlignOptions,
  visit: (bin: number, cell: number, weight: number) => void,
): void {
  const { outSize } = options;
  for (let r = 0; r < rois.length / 5; r++) {
    const roi = roiOnMap(rois, r, options);
    const { samplesX, samplesY } = roi;
    const share = 1 / (samplesX * samplesY);
    const columns = cornersAlong(roi.x, roi.width, outSize, samplesX, width);
    const rows = cornersAlong(roi.y, roi.height, outSize, samplesY, height);
    rows.forEach((row, sy) => {
      if (!row) return;
      const top = (roi.image * height + row.low) * width;
      const bottom = (roi.image * height + row.high) * width;
      const firstBin = (r * outSize + Math.floor(sy / samplesY)) * outSize;
      columns.forEach((column, sx) => {
        if (!column) return;
        const bin = firstBin + Math.floor(sx / samplesX);
        visit(bin, top + column.low, (1 - row.part) * (1 - column.part) * share);
        visit(bin, top + column.high, (1 - row.part) * column.part * share);
        visit(bin, bottom + column.low, row.part * (1 - column.part) * share);
        visit(bin, bottom + column.high, row.part * column.part * share);
      });
    });
  }
}

interface Corners {
  readonly low: number;
  readonly high: number;
  readonly part: number;
}

/**
 * For each sample of an axis the two cells around it and how far it lies towards the second; undefined if too far out.
 * Positions are computed in float32, step by step as torchvision does: in double precision values of a map 80 cells
 * wide differ from it by more than 1e-5.
 */
function cornersAlong(start: number, length: number, bins: number, samples: number, size: number) {
  const { fround } = Math;
  const binSize = fround(length / bins);
  return Array.from({ length: bins * samples }, (_, i): Corners | undefined => {
    const inBin = fround(fround(((i % samples) + 0.5) * binSize) / samples);
    const coordinate = fround(fround(start + fround(Math.floor(i / samples) * binSize)) + inBin);
    if (coordinate < -1 || coordinate > size) return undefined;
    const inside = Math.min(Math.max(coordinate, 0), size - 1);
    const low = Math.floor(inside);
    return { low, high: Math.min(low + 1, size - 1), part: inside - low };
  });
}

function expectLength(what: string, values: Float32Array, length: number): void {
  if (values.length !== length)
    throw new PlumblineError('PLB_CORE_SHAPE_MISMATCH', {
      what,
      actual: `[${values.length}]`,
      expected: `[${length}]`,
    });
}
