import { extname } from 'node:path';
import { PlumblineError } from '@plumbline/contract';
import { JsonDocument, type JsonRow } from '../json/json-document.js';
import { pathInside } from './folders.js';
import { sizeOrProblem } from './image-size.js';
import { checkBox } from './labels.js';
import { mapConcurrently } from './parallel.js';
import type { ProblemSink } from './problems.js';
import type { Dataset, DatasetSpec, SampleRef } from './sample.js';

/** Boxes of one image while they are read. */
interface ImageLabels {
  readonly boxes: number[];
  readonly labels: number[];
  readonly isCrowd: number[];
  readonly difficult: number[];
  readonly areas: number[];
  /** Position of each box in `annotations`. */
  readonly rows: number[];
}

/**
 * Reads a COCO annotation file and the headers of its images: `images[].{id, file_name, width, height}`,
 * `categories[].{id, name}`, `annotations[].{image_id, category_id, bbox, area, iscrowd}`. Classes are in the order of
 * the category ids. Images of the folder that the file does not list are not part of the dataset.
 * @param onProblem gets each bad annotation and image; if it returns, that item is left out
 * @throws {PlumblineError} PLB_DATA_FILE_UNREADABLE, PLB_DATA_JSON_SYNTAX, PLB_DATA_COCO_SHAPE,
 *   PLB_DATA_COCO_DUPLICATE_ID, PLB_DATA_SPLIT_EMPTY
 */
export async function readCoco(
  { spec, path, imagesDir = '.', split }: DatasetSpec,
  onProblem: ProblemSink,
): Promise<Dataset> {
  const json = await JsonDocument.read(path);
  const images = json.rows(['images'], 'a list of images');
  const categories = json.rows(['categories'], 'a list of categories');
  if (images.length === 0) throw new PlumblineError('PLB_DATA_SPLIT_EMPTY', { split, where: path });
  json.idsOf('categories', categories);
  const named = categories.map(({ id, name }, i) => {
    if (typeof name !== 'string') throw json.shapeProblem(['categories', i, 'name'], name, 'a text');
    return { id: id as number, name };
  });
  const sorted = named.sort((a, b) => a.id - b.id);
  const imageOf = json.idsOf('images', images);
  const sizes = await mapConcurrently(images, async (image, i) => {
    if (typeof image.file_name !== 'string') {
      throw json.shapeProblem(['images', i, 'file_name'], image.file_name, 'a path in the folder of the images');
    }
    const file = pathInside(imagesDir, image.file_name, () => json.place(['images', i, 'file_name']));
    const size = await sizeOrProblem(file, path, onProblem);
    return size && hasStatedSize(json, image, i, file, size, onProblem) ? { file, ...size } : undefined;
  });
  const perImage = readAnnotations(json, imageOf, sizes, sorted, onProblem);
  const rowsOf = new Map<SampleRef, readonly number[]>();
  const inOrderOfFile = images.flatMap(({ id, file_name }, i): SampleRef[] => {
    const size = sizes[i];
    if (!size) return [];
    const { boxes, labels, isCrowd, difficult, areas, rows } = perImage[i]!;
    const stem = (file_name as string).slice(0, -extname(file_name as string).length || undefined);
    const sample: SampleRef = {
      imageId: id as number,
      stem,
      ...size,
      gtBoxesXyxy: Float64Array.from(boxes),
      gtLabels: Int32Array.from(labels),
      ...(difficult.includes(1) ? { gtDifficult: Uint8Array.from(difficult) } : {}),
      ...(isCrowd.includes(1) ? { gtIsCrowd: Uint8Array.from(isCrowd) } : {}),
      gtAreas: Float64Array.from(areas),
    };
    rowsOf.set(sample, rows);
    return [sample];
  });
  // Evaluation pools detections by ascending image id, as pycocotools does.
  const samples = inOrderOfFile.sort((a, b) => a.imageId - b.imageId);
  return {
    name: spec,
    classes: sorted.map(({ name }) => name),
    categoryIds: sorted.map(({ id }) => id),
    samples,
    placeOf: (sample, g) => {
      const { file, line } = json.place(['annotations', rowsOf.get(sample)![g]!]);
      return { file, line };
    },
  };
}

function readAnnotations(
  json: JsonDocument,
  imageOf: ReadonlyMap<number, number>,
  sizes: readonly ({ width: number; height: number } | undefined)[],
  categories: readonly { id: number }[],
  onProblem: ProblemSink,
): ImageLabels[] {
  const classOf = new Map(categories.map(({ id }, index) => [id, index]));
  const perImage = sizes.map(
    (): ImageLabels => ({ boxes: [], labels: [], isCrowd: [], difficult: [], areas: [], rows: [] }),
  );
  json.rows(['annotations'], 'a list of annotations').forEach((row, a) => {
    const image = imageOf.get(row.image_id as number);
    if (image === undefined) {
      return onProblem(json.unknownId(['annotations', a, 'image_id'], row.image_id, imageOf));
    }
    const label = classOf.get(row.category_id as number);
    if (label === undefined) {
      return onProblem(json.unknownId(['annotations', a, 'category_id'], row.category_id, classOf));
    }
    const size = sizes[image];
    if (!size) return;
    const { bbox } = row;
    if (!Array.isArray(bbox) || bbox.length !== 4 || !bbox.every(Number.isFinite)) {
      return onProblem(json.shapeProblem(['annotations', a, 'bbox'], bbox, '[x, y, width, height] as numbers'));
    }
    const [x, y, width, height] = bbox as [number, number, number, number];
    const corners = [x, y, x + width, y + height] as const;
    const place = () => json.place(['annotations', a, 'bbox']);
    const box = checkBox(corners, size, place, `[${bbox.join(', ')}]`);
    if (box instanceof PlumblineError) return onProblem(box);
    const { boxes, labels, isCrowd, difficult, areas, rows } = perImage[image]!;
    boxes.push(...box);
    labels.push(label);
    isCrowd.push(row.iscrowd === 1 ? 1 : 0);
    difficult.push(row.difficult === 1 ? 1 : 0);
    areas.push(Number.isFinite(row.area) ? (row.area as number) : width * height);
    rows.push(a);
  });
  return perImage;
}

function hasStatedSize(
  json: JsonDocument,
  { width, height }: JsonRow,
  i: number,
  image: string,
  actual: { width: number; height: number },
  onProblem: ProblemSink,
): boolean {
  if (width === undefined && height === undefined) return true;
  if (width === actual.width && height === actual.height) return true;
  onProblem(
    new PlumblineError('PLB_DATA_SIZE_DIFFERS', {
      ...json.place(['images', i]),
      stated: `${width}x${height}`,
      image,
      actual: `${actual.width}x${actual.height}`,
    }),
  );
  return false;
}
