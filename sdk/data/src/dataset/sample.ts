/** Shapes in this module: G ground-truth boxes of one image. Boxes are px of the stored image, width = x2 - x1 (no +1). */

/** One labelled image of a dataset; the pixels are read on demand with `readImageRgb(sample.file)`. */
export interface SampleRef {
  /** 1.. in list order: the image id in COCO terms. */
  readonly imageId: number;
  /** File name without folder and extension. */
  readonly stem: string;
  /** Path of the image file. */
  readonly file: string;
  /** px */
  readonly width: number;
  /** px */
  readonly height: number;
  /** [G*4] x1, y1, x2, y2 with x1 < x2 and y1 < y2. */
  readonly gtBoxesXyxy: Float32Array;
  /** [G] 0-based index into the dataset's `classes`. */
  readonly gtLabels: Int32Array;
}

/** Labelled images in a fixed order. */
export interface Dataset {
  /** The spec it was opened from. */
  readonly name: string;
  readonly classes: readonly string[];
  readonly samples: readonly SampleRef[];
}

/** A dataset spec taken apart: `deeppcb:DIR#val` is kind `deeppcb`, path `DIR`, split `val`. */
export interface DatasetSpec {
  readonly spec: string;
  readonly kind: string;
  readonly path: string;
  /** `all` when the spec names none. */
  readonly split: string;
}
