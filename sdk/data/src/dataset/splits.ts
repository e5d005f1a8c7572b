import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readDataset } from './dataset.js';
import { stemsIn } from './folders.js';
import type { DatasetSpec } from './sample.js';
import { readYoloConfig } from './yolo-yaml.js';

/** Images of one split. */
export interface SplitImages {
  readonly name: string;
  /** Absolute paths. */
  readonly files: ReadonlySet<string>;
}

/** Text files of a dataset folder that are no lists of images. */
const noSplit = new Set(['classes', 'labels', 'readme', 'license', 'all']);

/** Every split that a dataset has by a list of its own; what does not open as a split is left out. */
export async function listSplits({ kind, path }: DatasetSpec): Promise<SplitImages[]> {
  const splits: SplitImages[] = [];
  for (const name of await splitNames(kind, path)) {
    const dataset = await readDataset(`${kind}:${path}#${name}`, () => {}).catch(() => undefined);
    const files = new Set(dataset?.samples.map((sample) => resolve(sample.file)));
    if (files.size > 0) splits.push({ name, files });
  }
  return splits;
}

async function splitNames(kind: string, path: string): Promise<string[]> {
  if (kind === 'coco') return [];
  if (kind === 'yolo') return [...readYoloConfig(path).splits.keys()];
  const folders = kind === 'voc' ? [join(path, 'ImageSets', 'Main'), path] : [path];
  const names = await Promise.all(folders.map((folder) => readdir(folder).catch((): string[] => [])));
  return [...new Set(stemsIn(names.flat(), '.txt'))].filter((name) => !noSplit.has(name.toLowerCase())).sort();
}

/** What the first word of a split's name says that it is for. */
const purposes: Readonly<Record<string, readonly string[]>> = {
  train: ['train'],
  val: ['val'],
  valid: ['val'],
  test: ['test'],
  trainval: ['train', 'val'],
};

/**
 * Whether two splits must have no image in common: `train` and `val` must not, nor `val-gate` and `val-report`, but
 * `val-gate` is a part of `val`, `trainval` holds both, and of other names nothing is known.
 */
export function mustBeDisjoint(a: string, b: string): boolean {
  const [[familyA = '', ...partA], [familyB = '', ...partB]] = [a.split(/[-_.]/), b.split(/[-_.]/)];
  const [purposeA, purposeB] = [purposes[familyA], purposes[familyB]];
  if (!purposeA || !purposeB || a === b) return false;
  const isSameFamily = familyA === familyB && partA.length > 0 && partB.length > 0;
  return isSameFamily || !purposeA.some((purpose) => purposeB.includes(purpose));
}
