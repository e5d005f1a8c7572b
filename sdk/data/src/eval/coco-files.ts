import { PlumblineError } from '@plumbline/contract';
import { JsonDocument, type JsonPath, readBytes } from '../json/json-document.js';
import {
  type CocoDetections,
  type CocoGroundTruth,
  type CocoResult,
  detectionTable,
  indexOfIds,
} from './coco-tables.js';
import { findCorners } from './corner-boxes.js';
import { type ScannedResults, scanResults } from './scan-results.js';

/**
 * Receives what is wrong with one annotation or detection: throw to refuse the file, return to leave that row out. The
 * problem is described on demand, because finding its place takes a pass over the file.
 */
export type RowSink = (code: string, describe: () => PlumblineError) => void;

const refuseAtOnce: RowSink = (_, describe) => {
  throw describe();
};

/**
 * Reads a COCO annotation file: `images[].{id, width, height}`, `categories[].{id, name}`,
 * `annotations[].{id, image_id, category_id, bbox, area, iscrowd, difficult}`. A user's `ignore` field has no effect, as in
 * pycocotools.
 * @param onBadRow gets each bad annotation; default: the first one is thrown
 * @throws {PlumblineError} PLB_DATA_FILE_UNREADABLE, PLB_DATA_JSON_SYNTAX, PLB_DATA_COCO_SHAPE, PLB_DATA_COCO_UNKNOWN_ID,
 *   PLB_DATA_COCO_DUPLICATE_ID
 */
export async function readCocoGroundTruth(file: string, onBadRow: RowSink = refuseAtOnce): Promise<CocoGroundTruth> {
  const json = await JsonDocument.read(file);
  if (typeof json.root !== 'object' || json.root === null || Array.isArray(json.root)) {
    throw json.shapeProblem([], json.root, 'an object with images, categories and annotations');
  }
  const images = json.rows(['images'], 'a list of images');
  const categories = json.rows(['categories'], 'a list of categories');
  const annotations = json.rows(['annotations'], 'a list of annotations');
  const imageIds = Float64Array.from(json.idsOf('images', images).keys()).sort();
  json.idsOf('categories', categories);
  const sortedCategories = categories
    .map(({ id, name }, i) => {
      if (typeof name !== 'string') throw json.shapeProblem(['categories', i, 'name'], name, 'a text');
      return { id: id as number, name };
    })
    .sort((a, b) => a.id - b.id);
  const imageOf = indexOfIds(imageIds);
  const imageSizes = new Float64Array(2 * imageIds.length);
  for (const { id, width, height } of images) {
    imageSizes.set([Number(width) || 0, Number(height) || 0], 2 * imageOf.get(id as number)!);
  }

  const categoryOf = indexOfIds(sortedCategories.map((category) => category.id));
  const count = annotations.length;
  const imageIndex = new Int32Array(count);
  const categoryIndex = new Int32Array(count);
  const boxesXywh = new Float64Array(count * 4);
  const areas = new Float64Array(count);
  const isCrowd = new Uint8Array(count);
  const isDifficult = new Uint8Array(count);
  const seen = new Set<number>();
  let kept = 0;
  annotations.forEach((row, g) => {
    const path = (key: string): JsonPath => ['annotations', g, key];
    const { id, image_id, category_id, bbox, area, iscrowd = 0, difficult = 0 } = row;
    const isId = Number.isInteger(id) && (id as number) >= 1;
    const shape = (key: string, accepted: string) =>
      onBadRow('PLB_DATA_COCO_SHAPE', () => json.shapeProblem(path(key), row[key], accepted));
    // pycocotools records a match by id and reads 0 as "no match": a file with id 0 would get another figure there.
    if (!isId) return shape('id', 'a whole number from 1');
    const image = imageOf.get(image_id as number);
    if (image === undefined) return unknownId(json, path('image_id'), image_id, imageOf, onBadRow);
    const category = categoryOf.get(category_id as number);
    if (category === undefined) return unknownId(json, path('category_id'), category_id, categoryOf, onBadRow);
    if (!isBox(bbox)) return shape('bbox', acceptedBox);
    if (!isFiniteNumber(area) || area < 0) return shape('area', 'a number from 0, in px^2');
    if (iscrowd !== 0 && iscrowd !== 1) return shape('iscrowd', '0 or 1');
    if (difficult !== 0 && difficult !== 1) return shape('difficult', '0 or 1');
    if (seen.has(id as number)) {
      return onBadRow('PLB_DATA_COCO_DUPLICATE_ID', () => json.duplicateId(path('id'), id as number));
    }
    seen.add(id as number);
    imageIndex[kept] = image;
    categoryIndex[kept] = category;
    boxesXywh.set(bbox, 4 * kept);
    areas[kept] = area;
    isCrowd[kept] = iscrowd;
    isDifficult[kept++] = difficult;
  });
  return {
    imageIds,
    imageSizes,
    categories: sortedCategories,
    imageIndex: imageIndex.subarray(0, kept),
    categoryIndex: categoryIndex.subarray(0, kept),
    boxesXywh: boxesXywh.subarray(0, 4 * kept),
    areas: areas.subarray(0, kept),
    isCrowd: isCrowd.subarray(0, kept),
    isDifficult: isDifficult.subarray(0, kept),
  };
}

/**
 * Reads `images[].{id, file_name}` of a COCO annotation file.
 * @returns image id -> file name, as it stands there
 * @throws {PlumblineError} as {@link readCocoGroundTruth}
 */
export async function readCocoImageNames(file: string): Promise<Map<number, string>> {
  const json = await JsonDocument.read(file);
  const images = json.rows(['images'], 'a list of images');
  const ids = [...json.idsOf('images', images).keys()];
  return new Map(
    images.map(({ file_name: name }, i) => {
      const path = ['images', i, 'file_name'];
      if (typeof name !== 'string' || name === '') throw json.shapeProblem(path, name, 'the name of a file');
      return [ids[i]!, name];
    }),
  );
}

/**
 * Reads a COCO results file: a list of `{image_id, category_id, bbox: [x, y, width, height], score}`. An empty list is an
 * empty set.
 * @param onBadRow gets each bad detection; default: the first one is thrown
 * @throws {PlumblineError} as {@link readCocoGroundTruth}, and PLB_DATA_COCO_CORNERS for boxes of corners
 */
export async function readCocoDetections(
  file: string,
  groundTruth: CocoGroundTruth,
  onBadRow: RowSink = refuseAtOnce,
): Promise<CocoDetections> {
  const bytes = await readBytes(file);
  const scanned = scanResults(bytes);
  // Only a file in which something is wrong, or unusual, is parsed into objects.
  const detections =
    (scanned && tableOfScan(scanned, groundTruth)) ??
    tableOfRows(JsonDocument.parse(file, bytes.toString('utf8')), groundTruth, onBadRow);
  const corners = findCorners(detections, groundTruth);
  if (!corners) return detections;
  const document = JsonDocument.parse(file, bytes.toString('utf8'));
  const { row, share, width, height } = corners;
  const box = [...detections.boxesXywh.subarray(4 * row, 4 * row + 4)].join(', ');
  const percent = Math.round(100 * share);
  throw new PlumblineError('PLB_DATA_COCO_CORNERS', {
    ...document.place([row, 'bbox']),
    box: `[${box}]`,
    percent,
    width,
    height,
  });
}

/** @returns undefined when a row is not right */
function tableOfScan(scan: ScannedResults, groundTruth: CocoGroundTruth): CocoDetections | undefined {
  const count = scan.scores.length;
  const imageOf = indexOfIds(groundTruth.imageIds);
  const categoryOf = indexOfIds(groundTruth.categories.map((category) => category.id));
  const imageIndex = new Int32Array(count);
  const categoryIndex = new Int32Array(count);
  for (let d = 0; d < count; d++) {
    const image = imageOf.get(scan.imageIds[d]!);
    const category = categoryOf.get(scan.categoryIds[d]!);
    if (image === undefined || category === undefined) return undefined;
    imageIndex[d] = image;
    categoryIndex[d] = category;
  }
  const { boxesXywh, scores } = scan;
  for (let i = 0; i < boxesXywh.length; i++) {
    if (!Number.isFinite(boxesXywh[i]) || (i % 4 >= 2 && boxesXywh[i]! < 0)) return undefined;
  }
  return scores.every(Number.isFinite) ? { imageIndex, categoryIndex, boxesXywh, scores } : undefined;
}

function tableOfRows(json: JsonDocument, groundTruth: CocoGroundTruth, onBadRow: RowSink): CocoDetections {
  const rows = json.rows([], 'a list of detections');
  const imageOf = indexOfIds(groundTruth.imageIds);
  const categoryOf = indexOfIds(groundTruth.categories.map((category) => category.id));
  const good = rows.filter((row, d) => {
    const { image_id, category_id, bbox, score } = row;
    let isGood = true;
    const refuse: RowSink = (code, describe) => {
      isGood = false;
      onBadRow(code, describe);
    };
    const shape = (key: string, accepted: string) =>
      refuse('PLB_DATA_COCO_SHAPE', () => json.shapeProblem([d, key], row[key], accepted));
    if (!imageOf.has(image_id as number)) unknownId(json, [d, 'image_id'], image_id, imageOf, refuse);
    else if (!categoryOf.has(category_id as number))
      unknownId(json, [d, 'category_id'], category_id, categoryOf, refuse);
    else if (!isBox(bbox)) shape('bbox', acceptedBox);
    else if (!isFiniteNumber(score)) shape('score', 'a finite number');
    return isGood;
  });
  return detectionTable(good as unknown as CocoResult[], groundTruth);
}

function unknownId(
  json: JsonDocument,
  path: JsonPath,
  id: unknown,
  known: ReadonlyMap<number, number>,
  onBadRow: RowSink,
): void {
  const code = Number.isInteger(id) ? 'PLB_DATA_COCO_UNKNOWN_ID' : 'PLB_DATA_COCO_SHAPE';
  onBadRow(code, () => json.unknownId(path, id, known));
}

const acceptedBox = '[x, y, width, height] as numbers, width and height from 0';

function isBox(value: unknown): value is number[] {
  return Array.isArray(value) && value.length === 4 && value.every(isFiniteNumber) && value[2]! >= 0 && value[3]! >= 0;
}

function isFiniteNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
