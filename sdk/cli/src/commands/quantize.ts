import { basename } from 'node:path';
import { type ModelManifest, PlumblineError } from '@plumbline/contract';
import type { Dataset } from '@plumbline/data/dataset';
import type {
  CalibrationMethod,
  GateFigures,
  GateOutcome,
  LayerHarm,
  NodeChoice,
  QuantizeTarget,
  StaticModel,
} from '@plumbline/deploy/quantize';
import { type Command, Option } from 'commander';
import { loadOptional } from '../load-package.js';
import { parseCount } from '../option-values.js';
import { Progress, printJson, utcMinute } from '../output.js';
import { writeOutput } from '../output-file.js';

interface QuantizeFlags {
  model: string;
  calibrate: string;
  gateData: string;
  out: string;
  target: QuantizeTarget;
  method: CalibrationMethod;
  images: string;
  maxDrop: string;
  reduceRange: 'auto' | 'yes' | 'no';
  nodes?: string;
  excludeNodes?: string;
  html?: string;
  json?: boolean;
}

/** Images that the noise of each layer is measured on. */
const noiseImages = 8;

export function registerQuantize(program: Command): void {
  program
    .command('quantize')
    .description('turn a float model into 8-bit integers; refuses a model that is worse than --max-drop')
    .requiredOption('--model <path>', 'model folder, or .onnx in one, of `plumbline export` or `plumbline model adopt`')
    .requiredOption('--calibrate <spec>', 'images as the camera sees them, for the ranges, e.g. deeppcb:DIR#train')
    .requiredOption(
      '--gate-data <spec>',
      'labelled images that both models are evaluated on, e.g. deeppcb:DIR#val-gate',
    )
    .requiredOption(
      '--out <path>',
      "the .onnx file, beside the float model or in a folder of its own; or that folder's name",
    )
    .addOption(
      new Option(
        '--target <name>',
        'cpu-x64: uint8 activations, int8 weights; cpu-arm64: int8 both; tensorrt: symmetric int8 with float16, fixed shapes (not run on hardware)',
      )
        .choices(['cpu-x64', 'cpu-arm64', 'tensorrt'])
        .default('cpu-x64'),
    )
    .addOption(
      new Option('--method <name>', 'how a range is chosen from the values seen')
        .choices(['minmax', 'entropy', 'percentile', 'mse'])
        .default('minmax'),
    )
    .option('--images <n>', 'images of --calibrate, spread evenly over it', '200')
    .option('--max-drop <points>', 'largest loss of COCO AP, points of 100', '0.5')
    .addOption(
      new Option(
        '--reduce-range <choice>',
        'cpu-x64: 7-bit weights, for processors without VNNI; auto: what this machine has',
      )
        .choices(['auto', 'yes', 'no'])
        .default('auto'),
    )
    .option(
      '--nodes <regex>',
      'nodes to turn into integers, by name or operator (default: those that compute features; the layers that return boxes and scores stay float)',
    )
    .option('--exclude-nodes <regex>', 'nodes that stay float, by name or operator')
    .option(
      '--html <file>',
      'write a report with noise and cost of every layer, measured also when the first model passes',
    )
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExample:\n  $ plumbline quantize --model models/nano --calibrate deeppcb:DeepPCB#train --gate-data deeppcb:DeepPCB#val-gate' +
        ' --out models/nano/model.cpu-x64.onnx',
    )
    .action(runQuantize);
}

interface QuantizeReport {
  readonly target: QuantizeTarget;
  readonly method: CalibrationMethod;
  /** Calibration images. */
  readonly images: number;
  readonly reducedRange: boolean;
  readonly float: GateFigures;
  readonly int8: GateFigures;
  /** Points of 100 of COCO AP. */
  readonly drop: number;
  readonly maxDrop: number;
  readonly passed: boolean;
  readonly keptFloat: readonly string[];
  /** Layers that can be quantized. */
  readonly layers: number;
  /** Each alone in integers; empty when the first model passed and no report was asked for. */
  readonly harm: readonly LayerHarm[];
  /** Models evaluated. */
  readonly tried: number;
  /** Frame rate over the float model's, on this machine; null when nothing passed and for `tensorrt`. */
  readonly speedup: number | null;
  readonly seconds: { readonly calibrate: number; readonly gate: number };
  /** Absent when nothing passed. */
  readonly model?: string;
  readonly sha256?: string;
  readonly bytes?: number;
}

async function runQuantize(flags: QuantizeFlags): Promise<void> {
  const maxDrop = Number(flags.maxDrop);
  if (flags.maxDrop.trim() === '' || !(maxDrop >= 0 && maxDrop <= 100)) {
    const problem = `--max-drop is "${flags.maxDrop}"`;
    throw new PlumblineError('PLB_CLI_USAGE', { problem, accepted: 'points of AP from 0 to 100' });
  }
  const report = await quantize(flags, parseCount(flags.images, '--images'), maxDrop);
  if (flags.html !== undefined) await writeReport(flags.html, flags.model, report);
  if (flags.json) printJson(report);
  else process.stdout.write(asText(report));
  if (report.passed) return;
  const { code, message, help } = new PlumblineError('PLB_DEPLOY_GATE_FAILED', {
    dropPoints: report.drop,
    maxDropPoints: maxDrop,
    keptFloat: report.keptFloat.length,
    layers: report.layers,
    tried: report.tried,
  });
  // Not thrown: the report is the one JSON document already.
  process.stderr.write(`${code}: ${message}\n${help}\n`);
  process.exitCode = 1;
}

async function writeReport(file: string, model: string, report: QuantizeReport): Promise<void> {
  const { renderQuantization } = await import('@plumbline/data/report');
  const calibration = `${report.method}, ${report.images} images${report.reducedRange ? ', 7-bit weights' : ''}`;
  const page = renderQuantization({ ...report, model, calibration, layers: report.harm }, utcMinute(new Date()));
  await writeOutput(file, page);
}

async function quantize(flags: QuantizeFlags, imageCount: number, maxDrop: number): Promise<QuantizeReport> {
  const deploy = await loadOptional('quantize', '@plumbline/deploy', () => import('@plumbline/deploy/quantize'));
  const { loadModelFolder } = await import('@plumbline/runtime/model-folder');
  const folder = await loadModelFolder(flags.model);
  const run = (model: StaticModel) => quantizeFile(flags, folder.manifest, model, imageCount, maxDrop);
  return flags.target === 'tensorrt' ? deploy.withStaticModel(folder, run) : run(folder);
}

async function quantizeFile(
  flags: QuantizeFlags,
  ofFolder: ModelManifest,
  { modelPath, input, outputs }: StaticModel,
  imageCount: number,
  maxDrop: number,
): Promise<QuantizeReport> {
  const { target, method } = flags;
  const nodes: NodeChoice = {
    ...(flags.nodes === undefined ? {} : { include: parsePattern(flags.nodes, '--nodes') }),
    ...(flags.excludeNodes === undefined ? {} : { exclude: parsePattern(flags.excludeNodes, '--exclude-nodes') }),
  };
  const deploy = await loadOptional('quantize', '@plumbline/deploy', () => import('@plumbline/deploy/quantize'));
  const data = await loadOptional('quantize', '@plumbline/data', () => import('@plumbline/data/dataset'));
  const { foldConstants } = await import('@plumbline/runtime/session');
  const { encodeModel, toNumber } = await import('@plumbline/runtime/onnx');
  const place = deploy.modelFileTarget(flags.out, ofFolder, { input, outputs });
  const manifest = { ...ofFolder, input, outputs };
  const calibration = spread(await data.openDataset(flags.calibrate), imageCount);
  const gateData = await data.openDataset(flags.gateData);

  const float = await foldConstants(modelPath);
  const reducedRange =
    target === 'cpu-x64' && (flags.reduceRange === 'auto' ? deploy.hasVnni() !== true : flags.reduceRange === 'yes');
  const opset = float.opset_import.find(({ domain }) => domain === '')?.version ?? 0;
  const settings = deploy.targetSettings(target, reducedRange, toNumber(opset));
  const startedMs = performance.now();
  const calibrated = new Progress('calibrate', calibration.length, 'images');
  const quantizer = await deploy.calibrateQuantizer(float, modelPath, deploy.calibrationImages(calibration), {
    method,
    settings,
    nodes,
    input,
    onImage: (done) => calibrated.update(done),
    metadata: {
      'plumbline.target': target,
      'plumbline.calibration': `${method}, ${calibration.length} images`,
    },
  });
  const calibratedMs = performance.now();
  const judge = new deploy.ModelJudge(gateData, manifest, target);
  const floatBytes = encodeModel(float);
  const evaluate = (label: string, bytes: Uint8Array) => {
    const progress = new Progress(label, gateData.samples.length, 'images');
    return judge.evaluate(bytes, (done) => progress.update(done));
  };
  const floatFigures = await evaluate('evaluate float', floatBytes);
  const encode = (kept: readonly string[]) => quantizer.encode(quantizer.without(new Set(kept)));
  const measureHarm = async (): Promise<LayerHarm[]> => {
    const count = quantizer.layers.length;
    const noise = new Progress('noise of layers', count, 'layers');
    const images = await Promise.all(calibration.slice(0, noiseImages).map(({ file }) => data.readImageRgb(file)));
    const sqnr = await deploy.measureLayerNoise(quantizer, input, images, (done) => noise.update(done));
    const alone = new Progress('layers alone', count, 'layers');
    const harm: LayerHarm[] = [];
    for (const layer of quantizer.layers) {
      const { AP } = await judge.evaluate(encodeModel(quantizer.only(layer)));
      harm.push({ name: layer.name, sqnrDb: sqnr.get(layer.name)!, ap: AP! });
      alone.update(harm.length);
    }
    return harm;
  };
  const outcome: GateOutcome = await deploy.searchGate(
    {
      layers: quantizer.layers.map(({ name }) => name),
      float: floatFigures,
      evaluate: (kept) => evaluate(`evaluate int8, ${kept.length} layers float`, encode(kept)),
      measureHarm,
    },
    maxDrop,
  );
  const harm = flags.html !== undefined && outcome.harm.length === 0 ? await measureHarm() : outcome.harm;
  const bytes = encode(outcome.keptFloat);
  // A processor says nothing of TensorRT.
  const speedup = outcome.passed && target !== 'tensorrt' ? await judge.compareSpeed(floatBytes, bytes) : null;
  const written = outcome.passed ? await deploy.writeModelFile({ ...place, target }, bytes) : undefined;
  return {
    target,
    method,
    images: calibration.length,
    reducedRange,
    float: floatFigures,
    maxDrop,
    layers: quantizer.layers.length,
    ...outcome,
    harm,
    speedup,
    seconds: {
      calibrate: (calibratedMs - startedMs) / 1000,
      gate: (performance.now() - calibratedMs) / 1000,
    },
    ...(written ? writtenFile(place.modelPath, written) : {}),
  };
}

function parsePattern(text: string, option: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new PlumblineError('PLB_CLI_USAGE', {
      problem: `${option} is "${text}"`,
      accepted: 'a regular expression of JavaScript',
    });
  }
}

function writtenFile(path: string, manifest: ModelManifest): Pick<QuantizeReport, 'model' | 'sha256' | 'bytes'> {
  const { sha256, bytes } = manifest.files[basename(path)]!;
  return { model: path, sha256, bytes };
}

type Sample = Dataset['samples'][number];

/** As many samples as asked for, spread evenly: neighbours in a dataset are often of one scene. */
function spread({ samples }: Dataset, count: number): Sample[] {
  if (samples.length <= count) return [...samples];
  return Array.from({ length: count }, (_, i) => samples[Math.floor((i * samples.length) / count)]!);
}

function asText(report: QuantizeReport): string {
  const { float, int8, keptFloat, layers, harm, speedup } = report;
  const percent = (value: number) => (100 * value).toFixed(1);
  const row = (name: string) =>
    `  ${name.padEnd(6)}${percent(float[name]!).padStart(6)}${percent(int8[name]!).padStart(8)}\n`;
  const worst = harm.length > 0 ? `layers alone in integers, most harmful first\n${harm.map(harmRow).join('')}` : '';
  const kept = keptFloat.length > 0 ? `kept float: ${keptFloat.join(', ')}\n` : '';
  const verdict = `AP drops by ${report.drop.toFixed(2)} points of at most ${report.maxDrop}: ${report.passed ? 'passed' : 'FAILED'}`;
  return (
    `           float    int8\n${['AP', 'AP50', 'AP75'].map(row).join('')}${worst}${kept}` +
    `${layers - keptFloat.length} of ${layers} layers in integers; ${verdict}\n` +
    (speedup === null ? '' : `${speedup.toFixed(2)} times the frame rate of the float model on this machine\n`) +
    (report.model ? `${report.model}: ${report.bytes} bytes\n` : '')
  );
}

function harmRow({ name, sqnrDb, ap }: LayerHarm): string {
  return `  ${name.padEnd(40)}${sqnrDb.toFixed(1).padStart(7)} dB  AP ${(100 * ap).toFixed(2)}\n`;
}
