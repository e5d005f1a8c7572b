import { readFile } from 'node:fs/promises';
import { PlumblineError } from '@plumbline/contract';
import {
  type CocoDetections,
  type CocoGroundTruth,
  type CocoResult,
  detectionTable,
  indexOfIds,
} from './coco-tables.js';
import { locateJson, locateJsonError } from './json-place.js';

type JsonPath = readonly (string | number)[];

/** A parsed file that can say where in it a value stands. */
interface JsonFile {
  file: string;
  text: string;
  root: unknown;
}

/**
 * Reads a COCO annotation file: `images[].id`, `categories[].{id, name}`, `annotations[].{id, image_id, category_id, bbox, area, iscrowd}`.
 * A user's `ignore` field has no effect, as in pycocotools.
 * @throws {PlumblineError} PLB_DATA_FILE_UNREADABLE, PLB_DATA_JSON_SYNTAX, PLB_DATA_COCO_SHAPE, PLB_DATA_COCO_UNKNOWN_ID, PLB_DATA_COCO_DUPLICATE_ID
 */
export async function readCocoGroundTruth(file: string): Promise<CocoGroundTruth> {
  const json = await readJson(file);
  const root = objectAt(json, [], json.root, 'an object with images, categories and annotations');
  const images = rowsAt(json, ['images'], root.images, 'a list of images');
  const categories = rowsAt(json, ['categories'], root.categories, 'a list of categories');
  const annotations = rowsAt(json, ['annotations'], root.annotations, 'a list of annotations');
  const imageIds = Float64Array.from(uniqueIds(json, 'images', images)).sort();
  uniqueIds(json, 'categories', categories);
  const sortedCategories = categories
    .map(({ id, name }, i) => {
      if (typeof name !== 'string') refuse(json, ['categories', i, 'name'], name, 'a text');
      return { id: id as number, name };
    })
    .sort((a, b) => a.id - b.id);

  const imageOf = indexOfIds(imageIds);
  const categoryOf = indexOfIds(sortedCategories.map((category) => category.id));
  const count = annotations.length;
  const table = {
    imageIds,
    categories: sortedCategories,
    imageIndex: new Int32Array(count),
    categoryIndex: new Int32Array(count),
    boxesXywh: new Float64Array(count * 4),
    areas: new Float64Array(count),
    isCrowd: new Uint8Array(count),
  };
  for (let g = 0; g < count; g++) {
    const row = annotations[g]!;
    const path = ['annotations', g] as const;
    // pycocotools records a match by id and reads 0 as "no match": a file with id 0 would get another figure there.
    if (!Number.isInteger(row.id) || (row.id as number) < 1)
      refuse(json, [...path, 'id'], row.id, 'a whole number from 1');
    table.imageIndex[g] = knownId(json, [...path, 'image_id'], row.image_id, imageOf);
    table.categoryIndex[g] = knownId(json, [...path, 'category_id'], row.category_id, categoryOf);
    table.boxesXywh.set(boxAt(json, [...path, 'bbox'], row.bbox), g * 4);
    if (!isFiniteNumber(row.area) || row.area < 0)
      refuse(json, [...path, 'area'], row.area, 'a number from 0, in px^2');
    table.areas[g] = row.area;
    const crowd = row.iscrowd ?? 0;
    if (crowd !== 0 && crowd !== 1) refuse(json, [...path, 'iscrowd'], crowd, '0 or 1');
    table.isCrowd[g] = crowd;
  }
  return table;
}

/**
 * Reads `images[].{id, file_name}` of a COCO annotation file.
 * @returns image id -> file name, as it stands there
 * @throws {PlumblineError} as {@link readCocoGroundTruth}
 */
export async function readCocoImageNames(file: string): Promise<Map<number, string>> {
  const json = await readJson(file);
  const root = objectAt(json, [], json.root, 'an object with images, categories and annotations');
  const images = rowsAt(json, ['images'], root.images, 'a list of images');
  const ids = [...uniqueIds(json, 'images', images)];
  return new Map(
    images.map(({ file_name: name }, i) => {
      if (typeof name !== 'string' || name === '') refuse(json, ['images', i, 'file_name'], name, 'the name of a file');
      return [ids[i]!, name as string];
    }),
  );
}

/**
 * Reads a COCO results file: a list of `{image_id, category_id, bbox: [x, y, width, height], score}`. An empty list is an empty set.
 * @throws {PlumblineError} as {@link readCocoGroundTruth}
 */
export async function readCocoDetections(file: string, groundTruth: CocoGroundTruth): Promise<CocoDetections> {
  const json = await readJson(file);
  const rows = rowsAt(json, [], json.root, 'a list of detections');
  const imageOf = indexOfIds(groundTruth.imageIds);
  const categoryOf = indexOfIds(groundTruth.categories.map((category) => category.id));
  for (let d = 0; d < rows.length; d++) {
    const row = rows[d]!;
    knownId(json, [d, 'image_id'], row.image_id, imageOf);
    knownId(json, [d, 'category_id'], row.category_id, categoryOf);
    boxAt(json, [d, 'bbox'], row.bbox);
    if (!isFiniteNumber(row.score)) refuse(json, [d, 'score'], row.score, 'a finite number');
  }
  return detectionTable(rows as unknown as CocoResult[], groundTruth);
}

async function readJson(file: string): Promise<JsonFile> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new PlumblineError(
      'PLB_DATA_FILE_UNREADABLE',
      { file, reason: (cause as NodeJS.ErrnoException).code ?? String(cause) },
      { cause },
    );
  }
  try {
    return { file, text, root: JSON.parse(text) as unknown };
  } catch (cause) {
    throw new PlumblineError('PLB_DATA_JSON_SYNTAX', { file, ...locateJsonError(text) }, { cause });
  }
}

function objectAt(json: JsonFile, path: JsonPath, value: unknown, accepted: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(json, path, value, accepted);
  return value as Record<string, unknown>;
}

function rowsAt(json: JsonFile, path: JsonPath, value: unknown, accepted: string): Record<string, unknown>[] {
  if (!Array.isArray(value)) refuse(json, path, value, accepted);
  for (let i = 0; i < value.length; i++) {
    const row: unknown = value[i];
    if (typeof row !== 'object' || row === null || Array.isArray(row)) refuse(json, [...path, i], row, 'an object');
  }
  return value as Record<string, unknown>[];
}

function uniqueIds(json: JsonFile, list: string, rows: Record<string, unknown>[]): Set<number> {
  const ids = new Set<number>();
  rows.forEach(({ id }, i) => {
    const path = [list, i, 'id'];
    if (!Number.isInteger(id)) refuse(json, path, id, 'a whole number');
    if (ids.has(id as number))
      throw new PlumblineError('PLB_DATA_COCO_DUPLICATE_ID', {
        ...place(json, path),
        path: pathText(path),
        id: id as number,
      });
    ids.add(id as number);
  });
  return ids;
}

function knownId(json: JsonFile, path: JsonPath, id: unknown, positions: Map<number, number>): number {
  if (!Number.isInteger(id)) refuse(json, path, id, 'a whole number');
  const position = positions.get(id as number);
  if (position !== undefined) return position;
  const some = [...positions.keys()].slice(0, 8).join(', ');
  const accepted = positions.size > 8 ? `${some}, ... (${positions.size} ids)` : some || 'none, the list is empty';
  throw new PlumblineError('PLB_DATA_COCO_UNKNOWN_ID', {
    ...place(json, path),
    path: pathText(path),
    id: id as number,
    accepted,
  });
}

function boxAt(json: JsonFile, path: JsonPath, value: unknown): number[] {
  const isBox =
    Array.isArray(value) && value.length === 4 && value.every(isFiniteNumber) && value[2]! >= 0 && value[3]! >= 0;
  if (!isBox) refuse(json, path, value, '[x, y, width, height] as numbers, width and height from 0');
  return value as number[];
}

function isFiniteNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function refuse(json: JsonFile, path: JsonPath, value: unknown, accepted: string): never {
  const written = value === undefined ? 'missing' : (JSON.stringify(value) ?? String(value));
  const actual = written.length > 60 ? `${written.slice(0, 57)}...` : written;
  throw new PlumblineError('PLB_DATA_COCO_SHAPE', { ...place(json, path), path: pathText(path), actual, accepted });
}

function place(json: JsonFile, path: JsonPath) {
  return { file: json.file, ...locateJson(json.text, path) };
}

/** ['annotations', 3, 'bbox'] -> 'annotations[3].bbox'. */
function pathText(path: JsonPath): string {
  const text = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('');
  return text.replace(/^\./, '') || 'the document';
}
