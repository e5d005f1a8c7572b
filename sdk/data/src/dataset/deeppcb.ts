import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isPlumblineError, PlumblineError } from '@plumbline/contract';
import { readImageSize } from './image.js';
import type { ProblemSink } from './problems.js';
import type { Dataset, DatasetSpec, SampleRef } from './sample.js';

/** DeepPCB's six kinds of defect; type t of a label line is `deepPcbClasses[t - 1]`. */
export const deepPcbClasses = ['open', 'short', 'mousebite', 'spur', 'copper', 'pin-hole'] as const;

const acceptedLine = 'x1 y1 x2 y2 type';
const acceptedLayout = 'a folder with images/STEM.jpg and labels/STEM.txt';
const acceptedTypes = deepPcbClasses.map((name, i) => `${i + 1} ${name}`).join(', ');
/** Image headers read at the same time: hides the latency of the disk, well below the limit on open files. */
const concurrency = 16;

/**
 * Reads DIR/images/STEM.jpg and DIR/labels/STEM.txt (lines of `x1 y1 x2 y2 type`). The stems come from DIR/SPLIT.txt;
 * split `all` takes every label file, in alphabetical order.
 * @param onProblem gets each bad label line and image; if it returns, the line or image is left out
 * @throws {PlumblineError} PLB_DATA_SPLIT_UNKNOWN, PLB_DATA_SPLIT_EMPTY, PLB_DATA_FOLDER_UNREADABLE
 */
export async function readDeepPcb(spec: DatasetSpec, onProblem: ProblemSink): Promise<Dataset> {
  const stems = await listStems(spec.path, spec.split, onProblem);
  const samples = new Array<SampleRef | undefined>(stems.length);
  let next = 0;
  const reader = async () => {
    while (next < stems.length) {
      const index = next++;
      samples[index] = await readSample(spec.path, stems[index] as string, index + 1, onProblem);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, reader));
  return { name: spec.spec, classes: deepPcbClasses, samples: samples.filter((s) => s !== undefined) };
}

async function readSample(
  dir: string,
  stem: string,
  imageId: number,
  onProblem: ProblemSink,
): Promise<SampleRef | undefined> {
  const file = join(dir, 'images', `${stem}.jpg`);
  const labelFile = join(dir, 'labels', `${stem}.txt`);
  let text: string;
  try {
    text = await readFile(labelFile, 'utf8');
  } catch (cause) {
    onProblem(new PlumblineError('PLB_DATA_LABEL_MISSING', { file: labelFile, image: file }, { cause }));
    return undefined;
  }
  let size: { width: number; height: number };
  try {
    size = await readImageSize(file);
  } catch (cause) {
    const missing = cause instanceof Error && /missing|no such file/i.test(String(cause.cause));
    const problem = missing
      ? new PlumblineError('PLB_DATA_IMAGE_MISSING', { file, label: labelFile }, { cause })
      : cause;
    if (!isPlumblineError(problem)) throw problem;
    onProblem(problem);
    return undefined;
  }
  return { imageId, stem, file, ...size, ...parseDeepPcbLabels(text, labelFile, size, onProblem) };
}

/**
 * Parses one label file; empty lines are allowed.
 * @returns gtBoxesXyxy [G*4] px and gtLabels [G], 0-based
 */
export function parseDeepPcbLabels(
  text: string,
  file: string,
  size: { width: number; height: number },
  onProblem: ProblemSink,
): { gtBoxesXyxy: Float32Array; gtLabels: Int32Array } {
  const boxes: number[] = [];
  const labels: number[] = [];
  const lines = text.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const fields = [...(lines[i] as string).matchAll(/\S+/g)];
    if (fields.length === 0) continue;
    const problem = checkLine(fields, { file, line: i + 1 }, size);
    if (problem) {
      onProblem(problem);
      continue;
    }
    const [x1, y1, x2, y2, type] = fields.map((f) => Number(f[0])) as [number, number, number, number, number];
    boxes.push(x1, y1, x2, y2);
    labels.push(type - 1);
  }
  return { gtBoxesXyxy: Float32Array.from(boxes), gtLabels: Int32Array.from(labels) };
}

function checkLine(
  fields: RegExpExecArray[],
  where: { file: string; line: number },
  size: { width: number; height: number },
): PlumblineError | undefined {
  const place = (field: number) => ({ ...where, column: (fields[field]?.index ?? 0) + 1 });
  if (fields.length !== 5) {
    return new PlumblineError('PLB_DATA_LABEL_FIELDS', { ...place(0), count: fields.length, accepted: acceptedLine });
  }
  const bad = fields.findIndex((f) => !/^-?\d+$/.test(f[0]));
  if (bad >= 0) {
    return new PlumblineError('PLB_DATA_LABEL_NUMBER', {
      ...place(bad),
      text: fields[bad]?.[0] ?? '',
      accepted: `${acceptedLine} as whole numbers`,
    });
  }
  const [x1, y1, x2, y2, type] = fields.map((f) => Number(f[0])) as [number, number, number, number, number];
  if (type < 1 || type > deepPcbClasses.length) {
    return new PlumblineError('PLB_DATA_LABEL_CLASS', { ...place(4), text: String(type), accepted: acceptedTypes });
  }
  const box = `${x1} ${y1} ${x2} ${y2}`;
  if (x1 >= x2 || y1 >= y2)
    return new PlumblineError('PLB_DATA_BOX_EMPTY', { ...place(0), box, accepted: 'x1 < x2 and y1 < y2' });
  if (x1 < 0 || y1 < 0 || x2 > size.width || y2 > size.height)
    return new PlumblineError('PLB_DATA_BOX_OUTSIDE', { ...place(0), box, ...size });
  return undefined;
}

async function listStems(dir: string, split: string, onProblem: ProblemSink): Promise<string[]> {
  const stems = split === 'all' ? await listLabelStems(dir) : await readSplitFile(dir, split, onProblem);
  if (stems.length === 0) {
    throw new PlumblineError('PLB_DATA_SPLIT_EMPTY', {
      split,
      where: split === 'all' ? join(dir, 'labels') : join(dir, `${split}.txt`),
    });
  }
  return stems;
}

async function listLabelStems(dir: string): Promise<string[]> {
  return stemsIn(await listFolder(join(dir, 'labels')), '.txt');
}

function stemsIn(names: readonly string[], extension: string): string[] {
  return names.filter((name) => name.endsWith(extension)).map((name) => name.slice(0, -extension.length));
}

/** Images that no label file belongs to: split `all` does not contain them. */
export async function findUnlabelledImages(dir: string): Promise<PlumblineError[]> {
  const labelled = new Set(await listLabelStems(dir));
  const images = stemsIn(await listFolder(join(dir, 'images')), '.jpg').filter((stem) => !labelled.has(stem));
  return images.map((stem) => {
    const [file, image] = [join(dir, 'labels', `${stem}.txt`), join(dir, 'images', `${stem}.jpg`)];
    return new PlumblineError('PLB_DATA_LABEL_MISSING', { file, image });
  });
}

async function readSplitFile(dir: string, split: string, onProblem: ProblemSink): Promise<string[]> {
  const file = join(dir, `${split}.txt`);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    const names = await listFolder(dir);
    const available = [...new Set([...stemsIn(names, '.txt'), 'all'])].join(', ');
    throw new PlumblineError('PLB_DATA_SPLIT_UNKNOWN', { split, file, available }, { cause });
  }
  const stems = new Set<string>();
  text.split('\n').forEach((line, i) => {
    const stem = line.trim();
    if (stems.has(stem)) onProblem(new PlumblineError('PLB_DATA_STEM_TWICE', { file, line: i + 1, column: 1, stem }));
    if (stem !== '') stems.add(stem);
  });
  return [...stems];
}

async function listFolder(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new PlumblineError('PLB_DATA_FOLDER_UNREADABLE', { folder, reason, accepted: acceptedLayout }, { cause });
  }
}
