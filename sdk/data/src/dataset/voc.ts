import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { isPlumblineError, PlumblineError } from '@plumbline/contract';
import { isImageFile, listFolder, pathInside, readSplitFile, stemsIn } from './folders.js';
import { sizeOrProblem } from './image-size.js';
import { checkBox, LabelList, type LabelPlace } from './labels.js';
import { mapConcurrently } from './parallel.js';
import type { ProblemSink } from './problems.js';
import type { Dataset, DatasetSpec, SampleRef } from './sample.js';
import { childOf, parseXml, type XmlElement } from './xml.js';

const acceptedLayout =
  'a folder with Annotations/STEM.xml and JPEGImages/STEM.jpg, or both kinds of file in one folder';

/** Where the parts of a VOC folder lie. */
interface VocLayout {
  readonly dir: string;
  readonly annotations: string;
  readonly images: string;
  /** Image file of each stem. */
  readonly imageOf: ReadonlyMap<string, string>;
}

/** One parsed annotation file. */
interface Annotation {
  readonly stem: string;
  readonly file: string;
  readonly root: XmlElement;
}

/**
 * Reads Pascal VOC: DIR/Annotations/STEM.xml beside DIR/JPEGImages, or both kinds of file in DIR itself. The stems come
 * from DIR/ImageSets/Main/SPLIT.txt or DIR/SPLIT.txt; split `all` takes every annotation, in alphabetical order. Classes
 * are those of DIR/classes.txt, one a line, else all names that occur in the folder, sorted, so that every split has the
 * same. Boxes become `xmin - 1, ymin - 1, xmax - 1, ymax - 1`, as mmdetection reads VOC's pixels counted from 1.
 * @param onProblem gets each bad annotation, box and image; if it returns, that item is left out
 * @throws {PlumblineError} PLB_DATA_SPLIT_UNKNOWN, PLB_DATA_SPLIT_EMPTY, PLB_DATA_FOLDER_UNREADABLE
 */
export async function readVoc({ spec, path, split }: DatasetSpec, onProblem: ProblemSink): Promise<Dataset> {
  const layout = await findLayout(path);
  const all = stemsIn(await listFolder(layout.annotations, acceptedLayout), '.xml');
  const lists = [join(path, 'ImageSets', 'Main', `${split}.txt`), join(path, `${split}.txt`)];
  const stems = split === 'all' ? all : await readSplitFile(split, lists, () => availableSplits(path), onProblem);
  if (stems.length === 0) {
    const where = split === 'all' ? layout.annotations : lists[0]!;
    throw new PlumblineError('PLB_DATA_SPLIT_EMPTY', { split, where });
  }
  const wanted = new Set(stems);
  const annotationOf = new Map<string, Annotation>();
  await mapConcurrently([...new Set([...all, ...stems])], async (stem) => {
    // Another split's mistakes are not this one's: only its class names are looked at.
    const annotation = await readAnnotation(layout, stem, wanted.has(stem) ? onProblem : () => {});
    if (annotation) annotationOf.set(stem, annotation);
  });
  const classes = await findClasses(path, annotationOf);
  const lines = new Map<SampleRef, { file: string; lines: readonly number[] }>();
  const samples = await mapConcurrently(stems, async (stem, i): Promise<SampleRef | undefined> => {
    const annotation = annotationOf.get(stem);
    if (!annotation) return undefined;
    const file = imageFileOf(layout, annotation);
    const size = await sizeOrProblem(file, annotation.file, onProblem);
    if (!size || !hasStatedSize(annotation, file, size, onProblem)) return undefined;
    const labels = readObjects(annotation, classes, size, onProblem);
    const sample = { imageId: i + 1, stem, file, ...size, ...labels.toGroundTruth() };
    lines.set(sample, { file: annotation.file, lines: labels.gtLines });
    return sample;
  });
  return {
    name: spec,
    classes,
    samples: samples.filter((sample) => sample !== undefined),
    placeOf: (sample, g) => ({ file: lines.get(sample)!.file, line: lines.get(sample)!.lines[g]! }),
  };
}

async function findLayout(dir: string): Promise<VocLayout> {
  const isNested = existsSync(join(dir, 'Annotations'));
  const [annotations, images] = isNested ? [join(dir, 'Annotations'), join(dir, 'JPEGImages')] : [dir, dir];
  const names = (await listFolder(images, acceptedLayout)).filter(isImageFile);
  const imageOf = new Map(names.map((name) => [name.slice(0, -extname(name).length), join(images, name)]));
  return { dir, annotations, images, imageOf };
}

async function availableSplits(dir: string): Promise<string> {
  const folders = [join(dir, 'ImageSets', 'Main'), dir];
  const names = await Promise.all(folders.map((folder) => readdir(folder).catch((): string[] => [])));
  return [...new Set([...stemsIn(names.flat(), '.txt').filter((name) => name !== 'classes'), 'all'])].join(', ');
}

async function readAnnotation(
  { annotations, imageOf, images }: VocLayout,
  stem: string,
  onProblem: ProblemSink,
): Promise<Annotation | undefined> {
  const file = join(annotations, `${stem}.xml`);
  try {
    return { stem, file, root: parseXml(await readFile(file, 'utf8'), file) };
  } catch (cause) {
    const image = imageOf.get(stem) ?? join(images, `${stem}.jpg`);
    const problem = isPlumblineError(cause)
      ? cause
      : new PlumblineError('PLB_DATA_LABEL_MISSING', { file, image }, { cause });
    onProblem(problem);
    return undefined;
  }
}

async function findClasses(dir: string, annotationOf: ReadonlyMap<string, Annotation>): Promise<string[]> {
  const listed = await readFile(join(dir, 'classes.txt'), 'utf8').catch(() => undefined);
  if (listed !== undefined) return listed.split('\n').flatMap((line) => line.trim() || []);
  const names = new Set<string>();
  for (const { root } of annotationOf.values()) {
    for (const child of root.children) {
      const name = child.name === 'object' ? childOf(child, 'name')?.text : undefined;
      if (name) names.add(name);
    }
  }
  return [...names].sort();
}

/** The image of that stem; `filename` decides where the stem has none. */
function imageFileOf({ imageOf, images }: VocLayout, { stem, file, root }: Annotation): string {
  const named = childOf(root, 'filename');
  if (named?.text) pathInside(images, named.text, () => ({ file, line: named.line, column: named.column }));
  return imageOf.get(stem) ?? join(images, named?.text || `${stem}.jpg`);
}

/** An annotation made for another size, before or after a resize, has its boxes in the wrong places. */
function hasStatedSize(
  { file, root }: Annotation,
  image: string,
  actual: { width: number; height: number },
  onProblem: ProblemSink,
): boolean {
  const size = childOf(root, 'size');
  if (!size) return true;
  const [width, height] = ['width', 'height'].map((name) => Number(childOf(size, name)?.text)) as [number, number];
  if (width === actual.width && height === actual.height) return true;
  onProblem(
    new PlumblineError('PLB_DATA_SIZE_DIFFERS', {
      file,
      line: size.line,
      column: size.column,
      stated: `${width}x${height}`,
      image,
      actual: `${actual.width}x${actual.height}`,
    }),
  );
  return false;
}

function readObjects(
  { file, root }: Annotation,
  classes: readonly string[],
  size: { width: number; height: number },
  onProblem: ProblemSink,
): LabelList {
  const labels = new LabelList();
  for (const object of root.children) {
    if (object.name !== 'object') continue;
    const place: LabelPlace = { file, line: object.line, column: object.column };
    const name = childOf(object, 'name');
    const label = classes.indexOf(name?.text ?? '');
    if (label < 0) {
      const at = name ? { file, line: name.line, column: name.column } : place;
      const details = { ...at, text: `"${name?.text ?? ''}"`, accepted: classes.join(', ') };
      onProblem(new PlumblineError('PLB_DATA_LABEL_CLASS', details));
      continue;
    }
    const corners = readCorners(object, place);
    if (corners instanceof PlumblineError) {
      onProblem(corners);
      continue;
    }
    const [xmin, ymin, xmax, ymax] = corners;
    const box = checkBox([xmin - 1, ymin - 1, xmax - 1, ymax - 1], size, () => place, corners.join(' '));
    if (box instanceof PlumblineError) onProblem(box);
    else labels.add(box, label, object.line, childOf(object, 'difficult')?.text === '1');
  }
  return labels;
}

const cornerNames = ['xmin', 'ymin', 'xmax', 'ymax'] as const;

function readCorners(object: XmlElement, place: LabelPlace): number[] | PlumblineError {
  const bounds = childOf(object, 'bndbox');
  const corners: number[] = [];
  for (const name of cornerNames) {
    const element = childOf(bounds, name);
    const value = element?.text ? Number(element.text) : Number.NaN;
    if (!Number.isFinite(value)) {
      const at = element ? { file: place.file, line: element.line, column: element.column } : place;
      const details = { ...at, text: element?.text ?? '', accepted: `bndbox with ${cornerNames.join(', ')} in px` };
      return new PlumblineError('PLB_DATA_LABEL_NUMBER', details);
    }
    corners.push(value);
  }
  return corners;
}

/** Images that no annotation belongs to: split `all` does not contain them. */
export async function findUnlabelledVoc(dir: string): Promise<PlumblineError[]> {
  const { annotations, imageOf } = await findLayout(dir);
  const labelled = new Set(stemsIn(await listFolder(annotations, acceptedLayout), '.xml'));
  return [...imageOf]
    .filter(([stem]) => !labelled.has(stem))
    .map(([stem, image]) => {
      return new PlumblineError('PLB_DATA_LABEL_MISSING', { file: join(annotations, `${stem}.xml`), image });
    });
}
