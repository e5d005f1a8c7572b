import { PlumblineError } from '@plumbline/contract';
import type { Detection } from '@plumbline/core/geometry';
import type { ImageRgb } from '@plumbline/core/image';
import { type Dataset, readImageRgb } from '../dataset/index.js';
import { type CocoResult, categoryIdsOf } from './coco-tables.js';

/**
 * What the evaluation needs of a detector; the runtime's Detector is one. A tfjs model, a float and an integer graph are
 * measured by the same code.
 */
export interface EvaluatedDetector {
  readonly info: {
    /** For messages. */
    readonly id: string;
    /** Names in the order of the detections' `classId`. */
    readonly classes: readonly string[];
  };
  /** Final boxes of one image, px of that image. */
  detect(image: ImageRgb): Promise<{ readonly detections: readonly Detection[] }>;
}

export interface DatasetDetections {
  /** Category id = position of the class in the DATASET + 1, image id = that of the sample. */
  readonly results: CocoResult[];
  /** Images a second from decoded frame to final boxes; decoding is not counted. */
  readonly imagesPerSecond: number;
}

/**
 * Runs a detector over every image of a dataset.
 * @param onProgress called after each image
 * @throws {PlumblineError} PLB_DATA_CLASSES_DIFFER if detector and dataset do not have the same classes (in any order),
 * PLB_DATA_IMAGE_UNREADABLE: a figure over a part of the images would not be comparable
 */
export async function detectDataset(
  dataset: Dataset,
  detector: EvaluatedDetector,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<DatasetDetections> {
  const categoryOf = matchClasses(dataset, detector);
  const { samples } = dataset;
  const results: CocoResult[] = [];
  let detectMs = 0;
  let pending = readAhead(samples[0]?.file);
  for (let i = 0; i < samples.length; i++) {
    const image = await pending;
    pending = readAhead(samples[i + 1]?.file);
    const startMs = performance.now();
    const { detections } = await detector.detect(image!);
    detectMs += performance.now() - startMs;
    for (const { boxXyxy, classId, score } of detections) {
      const [x1, y1, x2, y2] = boxXyxy;
      const category_id = categoryOf[classId]!;
      results.push({ image_id: samples[i]!.imageId, category_id, bbox: [x1, y1, x2 - x1, y2 - y1], score });
    }
    onProgress(i + 1, samples.length);
  }
  return { results, imagesPerSecond: detectMs > 0 ? (1000 * samples.length) / detectMs : 0 };
}

/** Decodes the next image while the detector works; a failure is reported when that image's turn comes. */
function readAhead(file: string | undefined): Promise<ImageRgb | undefined> {
  const image = file === undefined ? Promise.resolve(undefined) : readImageRgb(file);
  image.catch(() => {});
  return image;
}

/** [classes of the detector] category id in the dataset. */
function matchClasses(dataset: Dataset, detector: EvaluatedDetector): number[] {
  const unknownToModel = dataset.classes.filter((name) => !detector.info.classes.includes(name));
  const unknownToDataset = detector.info.classes.filter((name) => !dataset.classes.includes(name));
  if (unknownToModel.length > 0 || unknownToDataset.length > 0) {
    const parts = [
      ...(unknownToModel.length > 0 ? [`the model does not know ${unknownToModel.join(', ')}`] : []),
      ...(unknownToDataset.length > 0 ? [`the dataset does not know ${unknownToDataset.join(', ')}`] : []),
    ];
    throw new PlumblineError('PLB_DATA_CLASSES_DIFFER', {
      model: detector.info.id,
      dataset: dataset.name,
      difference: parts.join('; '),
    });
  }
  const categoryIds = categoryIdsOf(dataset);
  return detector.info.classes.map((name) => categoryIds[dataset.classes.indexOf(name)]!);
}
