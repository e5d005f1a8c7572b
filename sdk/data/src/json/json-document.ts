import { readFile } from 'node:fs/promises';
import { PlumblineError } from '@plumbline/contract';
import { locateJson, locateJsonError, type TextPlace } from './json-place.js';

export type JsonPath = readonly (string | number)[];
export type JsonRow = Readonly<Record<string, unknown>>;

/** A parsed JSON file that can say where in it a value stands. */
export class JsonDocument {
  private constructor(
    readonly file: string,
    private readonly text: string,
    readonly root: unknown,
  ) {}

  /** @throws {PlumblineError} PLB_DATA_FILE_UNREADABLE, PLB_DATA_JSON_SYNTAX */
  static async read(file: string): Promise<JsonDocument> {
    return JsonDocument.parse(file, (await readBytes(file)).toString('utf8'));
  }

  /** @throws {PlumblineError} PLB_DATA_JSON_SYNTAX with the place of the first thing that JSON does not allow */
  static parse(file: string, text: string): JsonDocument {
    try {
      return new JsonDocument(file, text, JSON.parse(text) as unknown);
    } catch (cause) {
      throw new PlumblineError('PLB_DATA_JSON_SYNTAX', { file, ...locateJsonError(text) }, { cause });
    }
  }

  place(path: JsonPath): { file: string } & TextPlace {
    return { file: this.file, ...locateJson(this.text, path) };
  }

  /** "this value is not what is accepted here" */
  shapeProblem(path: JsonPath, value: unknown, accepted: string): PlumblineError {
    const written = value === undefined ? 'missing' : (JSON.stringify(value) ?? String(value));
    const actual = written.length > 60 ? `${written.slice(0, 57)}...` : written;
    return new PlumblineError('PLB_DATA_COCO_SHAPE', { ...this.place(path), path: pathText(path), actual, accepted });
  }

  /** The objects of a list. @throws {PlumblineError} PLB_DATA_COCO_SHAPE */
  rows(path: JsonPath, accepted: string): JsonRow[] {
    let value = this.root;
    for (const step of path) value = (value as Record<string | number, unknown> | null | undefined)?.[step];
    if (!Array.isArray(value)) throw this.shapeProblem(path, value, accepted);
    for (let i = 0; i < value.length; i++) {
      const row: unknown = value[i];
      if (typeof row !== 'object' || row === null || Array.isArray(row)) {
        throw this.shapeProblem([...path, i], row, 'an object');
      }
    }
    return value as JsonRow[];
  }

  /**
   * Position of each id of a list.
   * @throws {PlumblineError} PLB_DATA_COCO_SHAPE for an id that is no whole number, PLB_DATA_COCO_DUPLICATE_ID
   */
  idsOf(list: string, rows: readonly JsonRow[]): Map<number, number> {
    const positions = new Map<number, number>();
    rows.forEach(({ id }, i) => {
      const path = [list, i, 'id'];
      if (!Number.isInteger(id)) throw this.shapeProblem(path, id, 'a whole number');
      if (positions.has(id as number)) throw this.duplicateId(path, id as number);
      positions.set(id as number, i);
    });
    return positions;
  }

  duplicateId(path: JsonPath, id: number): PlumblineError {
    return new PlumblineError('PLB_DATA_COCO_DUPLICATE_ID', { ...this.place(path), path: pathText(path), id });
  }

  /** What is wrong with an id that is not among the `known` ones. */
  unknownId(path: JsonPath, id: unknown, known: ReadonlyMap<number, number>): PlumblineError {
    if (!Number.isInteger(id)) return this.shapeProblem(path, id, 'a whole number');
    const some = [...known.keys()].slice(0, 8).join(', ');
    const accepted = known.size > 8 ? `${some}, ... (${known.size} ids)` : some || 'none, the list is empty';
    const details = { ...this.place(path), path: pathText(path), id: id as number, accepted };
    return new PlumblineError('PLB_DATA_COCO_UNKNOWN_ID', details);
  }
}

/** @throws {PlumblineError} PLB_DATA_FILE_UNREADABLE */
export async function readBytes(file: string): Promise<Buffer> {
  return readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new PlumblineError('PLB_DATA_FILE_UNREADABLE', { file, reason: cause.code ?? String(cause) }, { cause });
  });
}

/** ['annotations', 3, 'bbox'] -> 'annotations[3].bbox'. */
function pathText(path: JsonPath): string {
  const text = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('');
  return text.replace(/^\./, '') || 'the document';
}
