import { readFile } from 'node:fs/promises';
import { modelIoSchema, PlumblineError } from '@plumbline/contract';
import { loadConfig } from '@plumbline/core/config';
import type { AdoptedModel, AdoptOptions, LayoutName } from '@plumbline/deploy/adopt';
import { type Command, Option } from 'commander';
import { loadOptional } from '../load-package.js';
import { parseCount, parseScore, parseSizeHw } from '../option-values.js';
import { printJson } from '../output.js';
import { modelGroup } from './model-group.js';

interface AdoptFlags {
  layout?: LayoutName;
  io?: string;
  classes?: string;
  classesFile?: string;
  out: string;
  size?: string;
  score: string;
  iou?: string;
  maxDetections?: string;
  id?: string;
  modelVersion: string;
  json?: boolean;
}

export function registerModelAdopt(program: Command): void {
  modelGroup(program)
    .command('adopt <file>')
    .description(
      'make a model folder of an .onnx detector that another project exported; it is run before it is written',
    )
    .addOption(
      new Option(
        '--layout <name>',
        'what it takes and returns. torchvision: [3,H,W] of 0..1; boxes, labels from 1, scores. ultralytics: one table [1,4+C,N]. ' +
          'yolov5: one table [1,N,5+C]. ultralytics-nms: one table of final boxes [1,N,6]',
      ).choices(['torchvision', 'ultralytics', 'yolov5', 'ultralytics-nms']),
    )
    .option('--io <file>', 'JSON or YAML with `input` and `outputs` as in manifest.json, in place of --layout')
    .option('--classes <names>', 'a,b,c in the order of the ids, without background; those in the file when absent')
    .option('--classes-file <file>', 'the same, one a line')
    .requiredOption('--out <path>', "the new model folder, or the .onnx file's place in it")
    .option('--size <WxH>', 'size of the image that the network computes, where the file leaves it open')
    .option('--score <0..1>', 'lowest score of a detection', '0.05')
    .option('--iou <0..1>', 'boxes of a class that overlap a better one by more go (ultralytics 0.7, yolov5 0.45)')
    .option('--max-detections <n>', 'most detections of a frame (ultralytics, yolov5: 300)')
    .option('--id <name>', "the model's id; the name of the file when absent")
    .option('--model-version <version>', "the model's version", '1.0.0')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExamples:\n  $ plumbline model adopt yolov8n.onnx --layout ultralytics --out models/yolov8n' +
        '\n  $ plumbline model adopt fasterrcnn.onnx --layout torchvision --classes open,short --out models/fasterrcnn',
    )
    .action(runAdopt);
}

async function runAdopt(file: string, flags: AdoptFlags): Promise<void> {
  const { layout, io, out, iou, maxDetections, size, id, modelVersion } = flags;
  if ((layout === undefined) === (io === undefined))
    throw usage('what the model takes and returns has to be said once', '--layout NAME or --io FILE');
  const adopting = () => import('@plumbline/deploy/adopt');
  const { adoptModel, suppressionIou } = await loadOptional('model adopt', '@plumbline/deploy', adopting);
  const isSuppressed = layout !== undefined && layout in suppressionIou;
  if (!isSuppressed && (iou ?? maxDetections) !== undefined)
    throw usage(`--iou and --max-detections with ${layout ?? '--io'}`, Object.keys(suppressionIou).join(', '));
  if (io !== undefined && size !== undefined) throw usage('--size with --io', '`networkSizeHw` in that file');
  const classes = await readClasses(flags);
  const options: AdoptOptions = {
    file,
    out,
    layout: layout ?? { name: io!, io: loadConfig(io!, modelIoSchema) },
    scoreThreshold: parseScore(flags.score, '--score'),
    version: modelVersion,
    ...(classes ? { classes } : {}),
    ...(size === undefined ? {} : { sizeHw: parseSizeHw(size, '--size') }),
    ...(iou === undefined ? {} : { nmsIou: parseScore(iou, '--iou') }),
    ...(maxDetections === undefined ? {} : { maxDetections: parseCount(maxDetections, '--max-detections') }),
    ...(id === undefined ? {} : { id }),
  };
  const adopted = await adoptModel(options);
  if (flags.json) {
    const { modelPath, manifest, classesFrom, found } = adopted;
    printJson({ model: modelPath, classesFrom, found, manifest });
  } else process.stdout.write(asText(adopted));
}

async function readClasses({ classes, classesFile }: AdoptFlags): Promise<string[] | undefined> {
  if (classes !== undefined && classesFile !== undefined)
    throw usage('--classes and --classes-file are both given', 'one of them');
  if (classes === undefined && classesFile === undefined) return undefined;
  const names = (classes?.split(',') ?? (await readLines(classesFile!))).map((name) => name.trim());
  if (classesFile !== undefined && names.at(-1) === '') names.pop();
  if (names.length === 0 || names.includes(''))
    throw usage('a class without a name', 'one name for each class, in the order of the ids');
  return names;
}

async function readLines(file: string): Promise<string[]> {
  try {
    return (await readFile(file, 'utf8')).split('\n');
  } catch (cause) {
    throw usage(
      `${file} cannot be read (${(cause as NodeJS.ErrnoException).code})`,
      'a file with a class name on each line',
    );
  }
}

function usage(problem: string, accepted: string): PlumblineError {
  return new PlumblineError('PLB_CLI_USAGE', { problem, accepted });
}

function asText({ modelPath, manifest, classesFrom, found }: AdoptedModel): string {
  const { classes, input, license } = manifest;
  const [height, width] = input.networkSizeHw;
  const isAnySize = input.kind === 'image' && input.fit === 'none';
  const names = classes.length > 8 ? `${classes.slice(0, 8).join(', ')}, ...` : classes.join(', ');
  return (
    `${found}\n` +
    `${classes.length} classes${classesFrom === 'file' ? ', named by the file' : ''}: ${names}\n` +
    (isAnySize ? 'frames in their own size\n' : `frames fitted into ${width}x${height} px\n`) +
    (license ? `license of the file: ${license}\n` : '') +
    `${modelPath}: written with its manifest.json\n`
  );
}
