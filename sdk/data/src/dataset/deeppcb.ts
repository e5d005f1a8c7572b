import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PlumblineError } from '@plumbline/contract';
import { listFolder, pathInside, readSplitFile, stemsIn } from './folders.js';
import { sizeOrProblem } from './image-size.js';
import { checkBox, LabelList } from './labels.js';
import { mapConcurrently } from './parallel.js';
import type { ProblemSink } from './problems.js';
import type { Dataset, DatasetSpec, SampleRef } from './sample.js';

/** DeepPCB's six kinds of defect; type t of a label line is `deepPcbClasses[t - 1]`. */
export const deepPcbClasses = ['open', 'short', 'mousebite', 'spur', 'copper', 'pin-hole'] as const;

const acceptedLine = 'x1 y1 x2 y2 type';
const acceptedLayout = 'a folder with images/STEM.jpg and labels/STEM.txt, or the PCBData folder as published';
const acceptedTypes = deepPcbClasses.map((name, i) => `${i + 1} ${name}`).join(', ');

/** An image and its labels, before anything is read. */
interface Pair {
  readonly stem: string;
  readonly file: string;
  readonly labelFile: string;
}

/**
 * Reads DIR/images/STEM.jpg and DIR/labels/STEM.txt (lines of `x1 y1 x2 y2 type`). The stems come from DIR/SPLIT.txt;
 * split `all` takes every label file, in alphabetical order. The published layout is read as well: its lists
 * (trainval.txt, test.txt) name `GROUP/ID/STEM.jpg GROUP/ID_not/STEM.txt`, the image on disk is STEM_test.jpg.
 * @param onProblem gets each bad label line and image; if it returns, the line or image is left out
 * @throws {PlumblineError} PLB_DATA_SPLIT_UNKNOWN, PLB_DATA_SPLIT_EMPTY, PLB_DATA_FOLDER_UNREADABLE,
 *   PLB_DATA_PATH_OUTSIDE
 */
export async function readDeepPcb({ spec, path, split }: DatasetSpec, onProblem: ProblemSink): Promise<Dataset> {
  const isPublished = !existsSync(join(path, 'labels')) && existsSync(join(path, 'trainval.txt'));
  const pairs = isPublished ? await listPublished(path, split, onProblem) : await listPairs(path, split, onProblem);
  if (pairs.length === 0) {
    const where = split === 'all' ? join(path, 'labels') : join(path, `${split}.txt`);
    throw new PlumblineError('PLB_DATA_SPLIT_EMPTY', { split, where });
  }
  const lines = new Map<SampleRef, { file: string; lines: readonly number[] }>();
  const samples = await mapConcurrently(pairs, async ({ stem, file, labelFile }, i): Promise<SampleRef | undefined> => {
    let text: string;
    try {
      text = await readFile(labelFile, 'utf8');
    } catch (cause) {
      onProblem(new PlumblineError('PLB_DATA_LABEL_MISSING', { file: labelFile, image: file }, { cause }));
      return undefined;
    }
    const size = await sizeOrProblem(file, labelFile, onProblem);
    if (!size) return undefined;
    const labels = parseLabels(text, labelFile, size, onProblem);
    const sample = { imageId: i + 1, stem, file, ...size, ...labels.toGroundTruth() };
    lines.set(sample, { file: labelFile, lines: labels.gtLines });
    return sample;
  });
  return {
    name: spec,
    classes: deepPcbClasses,
    samples: samples.filter((sample) => sample !== undefined),
    placeOf: (sample, g) => ({ file: lines.get(sample)!.file, line: lines.get(sample)!.lines[g]! }),
  };
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
): Pick<SampleRef, 'gtBoxesXyxy' | 'gtLabels'> {
  return parseLabels(text, file, size, onProblem).toGroundTruth();
}

function parseLabels(
  text: string,
  file: string,
  size: { width: number; height: number },
  onProblem: ProblemSink,
): LabelList {
  const labels = new LabelList();
  text.split('\n').forEach((line, i) => {
    const fields = [...line.matchAll(/\S+/g)];
    if (fields.length === 0) return;
    const problem = checkFields(fields, { file, line: i + 1 });
    if (problem) return void onProblem(problem);
    const [x1, y1, x2, y2, type] = fields.map((f) => Number(f[0])) as [number, number, number, number, number];
    const place = { file, line: i + 1, column: fields[0]!.index + 1 };
    const box = checkBox([x1, y1, x2, y2], size, () => place, `${x1} ${y1} ${x2} ${y2}`);
    if (box instanceof PlumblineError) return void onProblem(box);
    labels.add(box, type - 1, i + 1);
  });
  return labels;
}

function checkFields(fields: RegExpExecArray[], where: { file: string; line: number }): PlumblineError | undefined {
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
  const type = Number(fields[4]![0]);
  if (type >= 1 && type <= deepPcbClasses.length) return undefined;
  return new PlumblineError('PLB_DATA_LABEL_CLASS', { ...place(4), text: String(type), accepted: acceptedTypes });
}

async function listPairs(dir: string, split: string, onProblem: ProblemSink): Promise<Pair[]> {
  const available = async () =>
    [...new Set([...stemsIn(await listFolder(dir, acceptedLayout), '.txt'), 'all'])].join(', ');
  const stems =
    split === 'all'
      ? await listLabelStems(dir)
      : await readSplitFile(split, [join(dir, `${split}.txt`)], available, onProblem);
  return stems.map((stem) => ({
    stem,
    file: join(dir, 'images', `${stem}.jpg`),
    labelFile: join(dir, 'labels', `${stem}.txt`),
  }));
}

async function listLabelStems(dir: string): Promise<string[]> {
  return stemsIn(await listFolder(join(dir, 'labels'), acceptedLayout), '.txt');
}

/** Lists of the published repository; split `all` is both. */
async function listPublished(dir: string, split: string, onProblem: ProblemSink): Promise<Pair[]> {
  const lists = split === 'all' ? ['trainval', 'test'] : [split];
  const pairs: Pair[] = [];
  for (const name of lists) {
    const file = join(dir, `${name}.txt`);
    const available = async () => [...stemsIn(await listFolder(dir, acceptedLayout), '.txt'), 'all'].join(', ');
    const text = await readFile(file, 'utf8').catch(async (cause) => {
      throw new PlumblineError('PLB_DATA_SPLIT_UNKNOWN', { split, file, available: await available() }, { cause });
    });
    text.split('\n').forEach((line, i) => {
      const [image, label, ...rest] = line.trim().split(/\s+/);
      if (!image) return;
      const place = { file, line: i + 1, column: 1 };
      if (!label || rest.length > 0) {
        const count = label ? 2 + rest.length : 1;
        return void onProblem(
          new PlumblineError('PLB_DATA_LABEL_FIELDS', { ...place, count, accepted: 'IMAGE.jpg LABELS.txt' }),
        );
      }
      pairs.push({
        stem: basename(image, '.jpg'),
        file: pathInside(dir, image.replace(/\.jpg$/, '_test.jpg'), () => place),
        labelFile: pathInside(dir, label, () => place),
      });
    });
  }
  return pairs;
}

/** Images that no label file belongs to: split `all` does not contain them. */
export async function findUnlabelledDeepPcb(dir: string): Promise<PlumblineError[]> {
  if (!existsSync(join(dir, 'labels'))) return [];
  const labelled = new Set(await listLabelStems(dir));
  const names = await listFolder(join(dir, 'images'), acceptedLayout);
  return stemsIn(names, '.jpg')
    .filter((stem) => !labelled.has(stem))
    .map((stem) => {
      const [file, image] = [join(dir, 'labels', `${stem}.txt`), join(dir, 'images', `${stem}.jpg`)];
      return new PlumblineError('PLB_DATA_LABEL_MISSING', { file, image });
    });
}
