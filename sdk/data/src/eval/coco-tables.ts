import type { Dataset } from '../dataset/index.js';

/** Shapes in this module: I images, K categories, G annotations, D detections. Boxes are x, y, width, height in px of the stored image. */

/** Ground truth as columns. Annotations and detections point into `imageIds` and `categories` by index. */
export interface CocoGroundTruth {
  /** [I] ascending, unique. */
  readonly imageIds: Float64Array;
  /** [I*2] width and height in px, 0 where the file does not say. Absent: unknown. */
  readonly imageSizes?: Float64Array;
  /** [K] ascending by id, unique. */
  readonly categories: readonly { readonly id: number; readonly name: string }[];
  /** [G] */
  readonly imageIndex: Int32Array;
  /** [G] */
  readonly categoryIndex: Int32Array;
  /** [G*4] */
  readonly boxesXywh: Float64Array;
  /** [G] px^2; on COCO that of the mask, not of the box. */
  readonly areas: Float64Array;
  /** [G] 1 for a box around a crowd: a detection inside it counts neither way. */
  readonly isCrowd: Uint8Array;
  /** [G] 1 for what VOC calls difficult: counts neither way in VOC's protocols. Absent: none. */
  readonly isDifficult?: Uint8Array;
}

/** Detections as columns, in file order, which decides between equal scores. */
export interface CocoDetections {
  /** [D] index into the ground truth's `imageIds`. */
  readonly imageIndex: Int32Array;
  /** [D] index into the ground truth's `categories`. */
  readonly categoryIndex: Int32Array;
  /** [D*4] */
  readonly boxesXywh: Float64Array;
  /** [D] finite */
  readonly scores: Float64Array;
}

/** One entry of a COCO results file. */
export interface CocoResult {
  readonly image_id: number;
  readonly category_id: number;
  readonly bbox: readonly [x: number, y: number, width: number, height: number];
  readonly score: number;
}

/** Category id of each class of a dataset. */
export const categoryIdsOf = ({ classes, categoryIds }: Dataset) => categoryIds ?? classes.map((_, index) => index + 1);

/** Ground truth of a dataset; image ids are the samples' own. */
export function groundTruthOfDataset(dataset: Dataset): CocoGroundTruth {
  const total = dataset.samples.reduce((sum, sample) => sum + sample.gtLabels.length, 0);
  const table = {
    imageIds: Float64Array.from(dataset.samples, (sample) => sample.imageId),
    imageSizes: Float64Array.from(dataset.samples.flatMap(({ width, height }) => [width, height])),
    categories: categoryIdsOf(dataset).map((id, index) => ({ id, name: dataset.classes[index]! })),
    imageIndex: new Int32Array(total),
    categoryIndex: new Int32Array(total),
    boxesXywh: new Float64Array(total * 4),
    areas: new Float64Array(total),
    isCrowd: new Uint8Array(total),
    isDifficult: new Uint8Array(total),
  };
  let g = 0;
  dataset.samples.forEach((sample, image) => {
    for (let i = 0; i < sample.gtLabels.length; i++, g++) {
      const [x1, y1, x2, y2] = sample.gtBoxesXyxy.subarray(i * 4, i * 4 + 4) as unknown as [
        number,
        number,
        number,
        number,
      ];
      table.imageIndex[g] = image;
      table.categoryIndex[g] = sample.gtLabels[i] as number;
      table.boxesXywh.set([x1, y1, x2 - x1, y2 - y1], g * 4);
      table.areas[g] = sample.gtAreas?.[i] ?? (x2 - x1) * (y2 - y1);
      table.isCrowd[g] = sample.gtIsCrowd?.[i] ?? 0;
      table.isDifficult[g] = sample.gtDifficult?.[i] ?? 0;
    }
  });
  return table;
}

/** Detections as columns; every image and category id must be one of the ground truth's. */
export function detectionTable(results: readonly CocoResult[], groundTruth: CocoGroundTruth): CocoDetections {
  const imageOf = indexOfIds(groundTruth.imageIds);
  const categoryOf = indexOfIds(groundTruth.categories.map((category) => category.id));
  const count = results.length;
  const imageIndex = new Int32Array(count);
  const categoryIndex = new Int32Array(count);
  const boxesXywh = new Float64Array(count * 4);
  const scores = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const result = results[i]!;
    imageIndex[i] = imageOf.get(result.image_id)!;
    categoryIndex[i] = categoryOf.get(result.category_id)!;
    for (let j = 0; j < 4; j++) boxesXywh[i * 4 + j] = result.bbox[j]!;
    scores[i] = result.score;
  }
  return { imageIndex, categoryIndex, boxesXywh, scores };
}

/** The detections whose row `keep` accepts, in the same order. */
export function keepDetections(detections: CocoDetections, keep: (row: number) => boolean): CocoDetections {
  const rows = Int32Array.from(detections.scores.keys()).filter(keep);
  const boxesXywh = new Float64Array(4 * rows.length);
  rows.forEach((row, i) => boxesXywh.set(detections.boxesXywh.subarray(4 * row, 4 * row + 4), 4 * i));
  return {
    imageIndex: Int32Array.from(rows, (row) => detections.imageIndex[row]!),
    categoryIndex: Int32Array.from(rows, (row) => detections.categoryIndex[row]!),
    boxesXywh,
    scores: Float64Array.from(rows, (row) => detections.scores[row]!),
  };
}

/** id -> position. */
export function indexOfIds(ids: ArrayLike<number>): Map<number, number> {
  const map = new Map<number, number>();
  for (let i = 0; i < ids.length; i++) map.set(ids[i]!, i);
  return map;
}
