import { existsSync, statSync } from 'node:fs';
import { dirname, extname, isAbsolute, join, resolve } from 'node:path';
import { yoloDataSchema } from '@plumbline/contract';
import { loadConfig } from '@plumbline/core/config';
import { listImages, pathInside, readSplitFile } from './folders.js';
import type { ProblemSink } from './problems.js';

/** A YOLO `data.yaml`, its paths resolved. */
export interface YoloConfig {
  readonly file: string;
  /** Folder that the splits are relative to. */
  readonly root: string;
  readonly classes: readonly string[];
  /** Name of each split -> folders of images, or text files that list images. */
  readonly splits: ReadonlyMap<string, readonly string[]>;
}

const splitNames = ['train', 'val', 'test'] as const;

/**
 * Reads `data.yaml`: `path` (default: the folder of the file), `train`, `val`, `test` (one entry or a list of them) and
 * `names` as a list or as a map from id to name.
 * @throws {PlumblineError} PLB_CONFIG_UNREADABLE, PLB_CONFIG_SYNTAX, PLB_CONFIG_INVALID
 */
export function readYoloConfig(file: string): YoloConfig {
  const data = loadConfig(file, yoloDataSchema);
  const root = resolve(dirname(file), data.path);
  const splits = new Map<string, readonly string[]>();
  for (const name of splitNames) {
    const entries = [data[name] ?? []].flat();
    if (entries.length > 0)
      splits.set(
        name,
        entries.map((entry) => resolve(root, entry)),
      );
  }
  const names = data.names as string[] | Record<string, string>;
  const classes = Array.isArray(names) ? names : Object.keys(names).map((_, id) => names[id]!);
  return { file, root, classes, splits };
}

/**
 * Image files of one split, or of all of them: of folders everything below, of lists each line. Any other NAME reads
 * NAME.txt, stems or paths, beside the yaml file.
 * @throws {PlumblineError} PLB_DATA_SPLIT_UNKNOWN, PLB_DATA_FOLDER_UNREADABLE, PLB_DATA_PATH_OUTSIDE
 */
export async function listYoloImages(config: YoloConfig, split: string, onProblem: ProblemSink): Promise<string[]> {
  const { splits, root, file } = config;
  const listed = splits.get(split);
  if (split !== 'all' && !listed) return listNamed(config, split, onProblem);
  const entries = listed ?? [...new Set([...splits.values()].flat())];
  const images = new Set<string>();
  for (const entry of entries) {
    if (extname(entry) === '.txt') {
      for (const image of await listLines(entry, split, root, onProblem)) images.add(image);
    } else if (statSync(entry, { throwIfNoEntry: false })?.isFile()) {
      images.add(entry);
    } else {
      for (const name of await listImages(entry, `a folder of images, as ${file} says`)) images.add(join(entry, name));
    }
  }
  return [...images];
}

async function listLines(list: string, split: string, root: string, onProblem: ProblemSink): Promise<string[]> {
  const lines = await readSplitFile(split, [list], async () => list, onProblem, null);
  // Paths from the folder of the list come first, as in Ultralytics' lists; others count from `path`.
  return lines.map((line, i) => {
    const place = { file: list, line: i + 1, column: 1 };
    const folder = dirname(list);
    const isBeside = !isAbsolute(line) && existsSync(join(folder, line));
    return pathInside(isBeside ? folder : root, line, () => place);
  });
}

async function listNamed(config: YoloConfig, split: string, onProblem: ProblemSink): Promise<string[]> {
  const available = async () => [...config.splits.keys(), 'all'].join(', ');
  const list = join(dirname(config.file), `${split}.txt`);
  const stems = await readSplitFile(split, [list], available, onProblem);
  const all = await listYoloImages(config, 'all', onProblem);
  const byStem = new Map(all.map((image) => [stemOf(image), image]));
  return stems.map((stem) => byStem.get(stemOf(stem)) ?? join(config.root, stem));
}

const stemOf = (path: string) =>
  path
    .split(/[\\/]/)
    .at(-1)!
    .replace(/\.[a-z]{3,4}$/i, '');
