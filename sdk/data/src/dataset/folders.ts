import { readdir, readFile } from 'node:fs/promises';
import { dirname, extname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { PlumblineError } from '@plumbline/contract';
import type { ProblemSink } from './problems.js';

/** Kinds of image file that are read, lower case. */
export const imageExtensions: readonly string[] = ['.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp'];

export const isImageFile = (name: string) => imageExtensions.includes(extname(name).toLowerCase());

/** Names in a folder, in alphabetical order. @throws {PlumblineError} PLB_DATA_FOLDER_UNREADABLE */
export async function listFolder(folder: string, accepted: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new PlumblineError('PLB_DATA_FOLDER_UNREADABLE', { folder, reason, accepted }, { cause });
  }
}

/** Image files below a folder, as paths in it, in alphabetical order. */
export async function listImages(folder: string, accepted: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true }).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code ?? String(cause);
    throw new PlumblineError('PLB_DATA_FOLDER_UNREADABLE', { folder, reason, accepted }, { cause });
  });
  return entries.filter(isImageFile).sort();
}

export function stemsIn(names: readonly string[], extension: string): string[] {
  return names.filter((name) => name.endsWith(extension)).map((name) => name.slice(0, -extension.length));
}

/**
 * First word of each line of the first of `files` that can be read; a stem that stands there twice is a problem.
 * @param available splits that exist, for the message
 * @param root      folder that no line may lead out of; null when the caller checks
 * @throws {PlumblineError} PLB_DATA_SPLIT_UNKNOWN, PLB_DATA_PATH_OUTSIDE
 */
export async function readSplitFile(
  split: string,
  files: readonly string[],
  available: () => Promise<string>,
  onProblem: ProblemSink,
  root: string | null = dirname(files[0]!),
): Promise<string[]> {
  const { file, text } = await readFirst(split, files, available);
  const stems = new Set<string>();
  text.split('\n').forEach((line, i) => {
    const [stem = ''] = line.trim().split(/\s+/);
    if (stem === '') return;
    const place = { file, line: i + 1, column: 1 };
    if (root !== null) pathInside(root, stem, () => place);
    if (stems.has(stem)) onProblem(new PlumblineError('PLB_DATA_STEM_TWICE', { ...place, stem }));
    stems.add(stem);
  });
  return [...stems];
}

async function readFirst(split: string, files: readonly string[], available: () => Promise<string>) {
  let last: unknown;
  for (const file of files) {
    try {
      return { file, text: await readFile(file, 'utf8') };
    } catch (cause) {
      last = cause;
    }
  }
  const details = { split, file: files[0]!, available: await available() };
  throw new PlumblineError('PLB_DATA_SPLIT_UNKNOWN', details, { cause: last });
}

/**
 * A path that a dataset's own files name, taken from `root`.
 * @param place of the name, asked only for the message
 * @throws {PlumblineError} PLB_DATA_PATH_OUTSIDE when it leads out of `root`
 */
export function pathInside(
  root: string,
  name: string,
  place: () => { file: string; line: number; column: number },
): string {
  const path = resolve(root, name);
  const inside = relative(resolve(root), path);
  if (inside === '' || inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
    throw new PlumblineError('PLB_DATA_PATH_OUTSIDE', { ...place(), path: name, folder: root });
  }
  return isAbsolute(name) ? path : join(root, name);
}
