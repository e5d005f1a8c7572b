import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, join, sep } from 'node:path';
import { PlumblineError } from '@plumbline/contract';
import { isImageFile, listFolder, stemsIn } from './folders.js';
import { sizeOrProblem } from './image-size.js';
import { checkBox, LabelList, type LabelPlace } from './labels.js';
import { mapConcurrently } from './parallel.js';
import type { ProblemSink } from './problems.js';
import type { Dataset, DatasetSpec, SampleRef } from './sample.js';
import { listYoloImages, readYoloConfig } from './yolo-yaml.js';

const acceptedLine =
  'class x-centre y-centre width height, or class and the corners of a polygon, as shares of the image';

/**
 * Reads YOLO as Ultralytics writes it: images of `data.yaml`'s splits, labels in the same place with the last `images` of
 * the path replaced by `labels`; an image without a label file has no objects. A polygon becomes its bounding box.
 * @param onProblem gets each bad line and image; if it returns, that item is left out
 * @throws {PlumblineError} PLB_CONFIG_UNREADABLE, PLB_CONFIG_SYNTAX, PLB_CONFIG_INVALID, PLB_DATA_SPLIT_UNKNOWN,
 *   PLB_DATA_SPLIT_EMPTY, PLB_DATA_FOLDER_UNREADABLE, PLB_DATA_PATH_OUTSIDE
 */
export async function readYolo({ spec, path, split }: DatasetSpec, onProblem: ProblemSink): Promise<Dataset> {
  const config = readYoloConfig(path);
  const { classes } = config;
  const images = await listYoloImages(config, split, onProblem);
  if (images.length === 0) throw new PlumblineError('PLB_DATA_SPLIT_EMPTY', { split, where: path });
  const lines = new Map<SampleRef, { file: string; lines: readonly number[] }>();
  const samples = await mapConcurrently(images, async (file, i): Promise<SampleRef | undefined> => {
    const labelFile = labelFileOf(file);
    const text = existsSync(labelFile) ? await readFile(labelFile, 'utf8') : '';
    const size = await sizeOrProblem(file, existsSync(labelFile) ? labelFile : path, onProblem);
    if (!size) return undefined;
    const labels = parseYoloLabels(text, labelFile, size, classes, onProblem);
    const stem = basename(file, extname(file));
    const sample = { imageId: i + 1, stem, file, ...size, ...labels.toGroundTruth() };
    lines.set(sample, { file: labelFile, lines: labels.gtLines });
    return sample;
  });
  return {
    name: spec,
    classes,
    samples: samples.filter((sample) => sample !== undefined),
    placeOf: (sample, g) => ({ file: lines.get(sample)!.file, line: lines.get(sample)!.lines[g]! }),
  };
}

/** .../images/train/a.jpg -> .../labels/train/a.txt; beside the image where no folder is called `images`. */
function labelFileOf(image: string): string {
  const steps = image.split(sep);
  const at = steps.lastIndexOf('images');
  const moved = at < 0 ? image : [...steps.slice(0, at), 'labels', ...steps.slice(at + 1)].join(sep);
  return `${moved.slice(0, -extname(moved).length)}.txt`;
}

function parseYoloLabels(
  text: string,
  file: string,
  size: { width: number; height: number },
  classes: readonly string[],
  onProblem: ProblemSink,
): LabelList {
  const labels = new LabelList();
  text.split('\n').forEach((line, i) => {
    const fields = [...line.matchAll(/\S+/g)];
    if (fields.length === 0) return;
    const place = (field: number): LabelPlace => ({ file, line: i + 1, column: (fields[field]?.index ?? 0) + 1 });
    const isPolygon = fields.length >= 7 && fields.length % 2 === 1;
    if (fields.length !== 5 && !isPolygon) {
      const details = { ...place(0), count: fields.length, accepted: acceptedLine };
      return void onProblem(new PlumblineError('PLB_DATA_LABEL_FIELDS', details));
    }
    const values = fields.map((field) => Number(field[0]));
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) {
      const details = { ...place(bad), text: fields[bad]![0], accepted: acceptedLine };
      return void onProblem(new PlumblineError('PLB_DATA_LABEL_NUMBER', details));
    }
    const label = values[0]!;
    if (!Number.isInteger(label) || label < 0 || label >= classes.length) {
      const details = { ...place(0), text: fields[0]![0], accepted: `0 to ${classes.length - 1}` };
      return void onProblem(new PlumblineError('PLB_DATA_LABEL_CLASS', details));
    }
    const corners = isPolygon ? polygonBounds(values.slice(1)) : centredBox(values.slice(1));
    const px = corners.map((value, k) => value * (k % 2 === 0 ? size.width : size.height));
    const box = checkBox(px as [number, number, number, number], size, () => place(0), line.trim().slice(0, 60));
    if (box instanceof PlumblineError) onProblem(box);
    else labels.add(box, label, i + 1);
  });
  return labels;
}

function centredBox(values: readonly number[]): number[] {
  const [x, y, width, height] = values as [number, number, number, number];
  return [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
}

function polygonBounds(values: readonly number[]): number[] {
  const [xs, ys] = [values.filter((_, i) => i % 2 === 0), values.filter((_, i) => i % 2 === 1)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

/** Images without a label file, which is allowed, and label files without an image, which nothing reads. */
export async function findUnlabelledYolo(path: string, images: readonly string[]): Promise<PlumblineError[]> {
  const problems = images.flatMap((image): PlumblineError[] => {
    const file = labelFileOf(image);
    return existsSync(file) ? [] : [new PlumblineError('PLB_DATA_LABEL_MISSING', { file, image })];
  });
  const expected = new Set(images.map(labelFileOf));
  for (const folder of new Set([...expected].map((file) => dirname(file)))) {
    if (!existsSync(folder)) continue;
    const imageFolder = dirname(images.find((image) => dirname(labelFileOf(image)) === folder)!);
    const present = new Set(
      (await listFolder(imageFolder, path)).filter(isImageFile).map((name) => name.slice(0, -extname(name).length)),
    );
    for (const stem of stemsIn(await listFolder(folder, path), '.txt')) {
      const label = join(folder, `${stem}.txt`);
      if (folder === imageFolder || present.has(stem) || expected.has(label)) continue;
      problems.push(new PlumblineError('PLB_DATA_IMAGE_MISSING', { file: join(imageFolder, `${stem}.jpg`), label }));
    }
  }
  return problems;
}
