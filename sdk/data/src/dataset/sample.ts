/** Shapes in this module: G ground-truth boxes of one image. Boxes are px of the upright image, width = x2 - x1 (no +1). */

/** One labelled image of a dataset; the pixels are read on demand with `readImageRgb(sample.file)`. Plain data. */
export interface SampleRef {
  /** The image's id in COCO terms: that of a COCO file, otherwise 1.. in list order. */
  readonly imageId: number;
  /** File name without folder and extension; with its folder inside the images folder where there are several. */
  readonly stem: string;
  /** Path of the image file. */
  readonly file: string;
  /** px */
  readonly width: number;
  /** px */
  readonly height: number;
  /** [G*4] x1, y1, x2, y2 with x1 < x2 and y1 < y2. */
  readonly gtBoxesXyxy: Float64Array;
  /** [G] 0-based index into the dataset's `classes`. */
  readonly gtLabels: Int32Array;
  /** [G] 1 where VOC says `difficult`: counts neither way in VOC's protocols. Absent: none. */
  readonly gtDifficult?: Uint8Array;
  /** [G] 1 where COCO says `iscrowd`: a region, not an object; not trained on, counts neither way. Absent: none. */
  readonly gtIsCrowd?: Uint8Array;
  /** [G] px^2 as a COCO file states it, on COCO that of the mask. Absent: width * height. */
  readonly gtAreas?: Float64Array;
}

/** Labelled images in a fixed order. */
export interface Dataset {
  /** The spec it was opened from. */
  readonly name: string;
  readonly classes: readonly string[];
  /** COCO category id of each class; absent: position + 1. */
  readonly categoryIds?: readonly number[];
  readonly samples: readonly SampleRef[];
  /** Where box `g` of a sample stands, for messages; absent for a dataset that no label file was read for. */
  readonly placeOf?: (sample: SampleRef, g: number) => { file: string; line: number };
}

/** The dataset without regions of crowds, which are no objects to learn. */
export function withoutCrowds(dataset: Dataset): Dataset {
  if (!dataset.samples.some(({ gtIsCrowd }) => gtIsCrowd)) return dataset;
  const samples = dataset.samples.map((sample): SampleRef => {
    const { gtIsCrowd, gtAreas, gtDifficult, ...rest } = sample;
    if (!gtIsCrowd) return sample;
    const isKept = (g: number) => gtIsCrowd[g] === 0;
    return {
      ...rest,
      gtBoxesXyxy: sample.gtBoxesXyxy.filter((_, i) => isKept(i >> 2)),
      gtLabels: sample.gtLabels.filter((_, g) => isKept(g)),
      ...(gtAreas ? { gtAreas: gtAreas.filter((_, g) => isKept(g)) } : {}),
      ...(gtDifficult ? { gtDifficult: gtDifficult.filter((_, g) => isKept(g)) } : {}),
    };
  });
  return { ...dataset, samples };
}

/** A dataset spec taken apart: `deeppcb:DIR#val` is kind `deeppcb`, path `DIR`, split `val`. */
export interface DatasetSpec {
  readonly spec: string;
  readonly kind: string;
  /** Folder, or the file of `coco` and `yolo`. */
  readonly path: string;
  /** Folder of the images; `coco` only. */
  readonly imagesDir?: string;
  /** `all` when the spec names none. */
  readonly split: string;
}
