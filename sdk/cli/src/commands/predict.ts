import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { isPlumblineError, PlumblineError, toErrorReport } from '@plumbline/contract';
import type { Detection } from '@plumbline/core/geometry';
import type { Command } from 'commander';
import { loadOptional } from '../load-package.js';
import { type OpenedModel, openModel } from '../open-model.js';
import { parseScore } from '../option-values.js';
import { Progress, printJson } from '../output.js';
import { writeOutput } from '../output-file.js';
import { providersOption } from '../providers-option.js';

interface PredictOptions {
  model: string;
  images: string[];
  out: string;
  score?: string;
  draw?: string;
  providers?: string[];
  json?: boolean;
}

/** One line of the output file: a COCO result with the names that make it readable. */
interface Prediction {
  /** 1.. in the order of the images. */
  image_id: number;
  file_name: string;
  /** Class id + 1. */
  category_id: number;
  category_name: string;
  /** px of the image: x, y, width, height. */
  bbox: [number, number, number, number];
  score: number;
}

interface Failure {
  file: string;
  code: string;
  message: string;
}

const defaultScore = 0.05;
const imageExtensions = ['.jpg', '.jpeg', '.png', '.webp', '.tif', '.tiff'];

export function registerPredict(program: Command): void {
  program
    .command('predict')
    .description('find objects in images')
    .requiredOption('--model <path>', 'model folder, .onnx in one, or checkpoint folder')
    .requiredOption('--images <path...>', 'image files, or folders of them')
    .requiredOption('--out <file>', 'write the detections as JSON')
    .option('--score <0..1>', `lowest score (default ${defaultScore}, or the model's own where that is higher)`)
    .option('--draw <dir>', 'write every image with its boxes as PNG')
    .addOption(providersOption())
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExample:\n  $ plumbline predict --model models/pcb-defects-nano --images boards --out found.json --draw drawn' +
        '\n\nAn image that cannot be read is reported and skipped; the exit code is then 1.',
    )
    .action(async (options: PredictOptions) => {
      const asked = options.score === undefined ? undefined : parseScore(options.score, '--score');
      const data = await loadOptional('predict', '@plumbline/data', () => import('@plumbline/data/dataset'));
      const files = await listImages(options.images);
      const model = await openModel('predict', options.model, options.providers);
      try {
        const minScore = lowestScore(model, asked);
        const progress = new Progress('predict', files.length, 'images');
        const predictions: Prediction[] = [];
        const failed: Failure[] = [];
        const nameOf = drawnNames(files);
        for (const [index, file] of files.entries()) {
          try {
            const image = await data.readImageRgb(file);
            const detections = (await model.detect(image)).detections.filter(
              (detection) => detection.score >= minScore,
            );
            predictions.push(...detections.map((detection) => toPrediction(index + 1, file, detection)));
            if (options.draw) {
              const { drawDetections } = await import('@plumbline/data/draw');
              await writeOutput(join(options.draw, nameOf(file)), await drawDetections(image, detections));
            }
          } catch (error) {
            if (!isPlumblineError(error) || error.code !== 'PLB_DATA_IMAGE_UNREADABLE') throw error;
            const { code, message } = toErrorReport(error);
            failed.push({ file, code, message });
            process.stderr.write(`${code}: ${message}\n`);
          }
          progress.update(index + 1);
        }
        await writeOutput(options.out, JSON.stringify(predictions, null, 1));
        const images = files.length - failed.length;
        if (options.json)
          printJson({ images, detections: predictions.length, failed, out: options.out, model: model.facts });
        else
          process.stdout.write(
            `${images} images, ${predictions.length} detections, ${failed.length} failed: ${options.out}\n`,
          );
        if (failed.length > 0) process.exitCode = 1;
      } finally {
        await model.dispose();
      }
    });
}

function toPrediction(
  image_id: number,
  file_name: string,
  { classId, className, score, boxXyxy }: Detection,
): Prediction {
  const [x1, y1, x2, y2] = boxXyxy;
  return {
    image_id,
    file_name,
    category_id: classId + 1,
    category_name: className,
    bbox: [x1, y1, x2 - x1, y2 - y1],
    score,
  };
}

/** What a model does not return cannot be asked for. */
function lowestScore(model: OpenedModel, asked: number | undefined): number {
  if (asked === undefined) return Math.max(defaultScore, model.info.scoreThreshold);
  if (asked >= model.info.scoreThreshold) return asked;
  throw new PlumblineError('PLB_CLI_USAGE', {
    problem: `--score is ${asked}, below the lowest score that ${model.info.id} returns`,
    accepted: `${model.info.scoreThreshold} to 1`,
  });
}

/** Files as given, folders as the images in them by name. A file that is not there fails later, as an unreadable image. */
async function listImages(paths: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths) {
    const isFolder = (await stat(path).catch(() => undefined))?.isDirectory();
    if (!isFolder) {
      files.push(path);
      continue;
    }
    const inside = (await readdir(path)).filter((name) => imageExtensions.includes(extname(name).toLowerCase())).sort();
    if (inside.length === 0) {
      throw new PlumblineError('PLB_CLI_USAGE', {
        problem: `${path}: there is no image in this folder`,
        accepted: `files ending in ${imageExtensions.join(', ')}`,
      });
    }
    files.push(...inside.map((name) => join(path, name)));
  }
  return files;
}

/** Names of the drawn pictures: those of the images, numbered where two images share one. */
function drawnNames(files: readonly string[]): (file: string) => string {
  const taken = new Set<string>();
  const names = new Map<string, string>();
  for (const file of files) {
    const stem = basename(file, extname(file));
    let name = `${stem}.png`;
    for (let n = 2; taken.has(name); n++) name = `${stem}-${n}.png`;
    taken.add(name);
    names.set(file, name);
  }
  return (file) => names.get(file)!;
}
