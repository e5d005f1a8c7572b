import { basename } from 'node:path';
import { PlumblineError } from '@plumbline/contract';
import type {
  Checkpoint,
  ExportedModel,
  Parity,
  PortableOpset,
  SetDifference,
  TensorrtPrecision,
} from '@plumbline/deploy/export';
import type { DetectorModel } from '@plumbline/train/model';
import { type Command, Option } from 'commander';
import { loadOptional } from '../load-package.js';
import { parseCount, parseSizeHw } from '../option-values.js';
import { Progress, printJson } from '../output.js';

interface ExportFlags {
  checkpoint: string;
  out: string;
  target: 'portable' | 'tensorrt';
  size?: string;
  frame?: string;
  proposals?: string;
  opset?: string;
  weights: 'float32' | 'float16';
  precision?: TensorrtPrecision;
  id?: string;
  modelVersion?: string;
  data?: string;
  limit?: string;
  json?: boolean;
}

export function registerExport(program: Command): void {
  program
    .command('export')
    .description('write a checkpoint as an ONNX model with its manifest')
    .requiredOption('--checkpoint <dir>', 'checkpoint folder, the folder of the run, or an exported model')
    .requiredOption('--out <path>', 'model folder, or the .onnx file in one')
    .addOption(
      new Option(
        '--target <name>',
        'portable: any ONNX Runtime, frames of any size; tensorrt: fixed shapes, for `plumbline engine build` (not run on hardware)',
      )
        .choices(['portable', 'tensorrt'])
        .default('portable'),
    )
    .option(
      '--size <WxH>',
      "network input in px, multiples of 32; the checkpoint's own when absent. In place of test.resize",
    )
    .option('--proposals <n>', "proposals that the heads look at; the checkpoint's own when absent")
    .option(
      '--frame <WxH>',
      'tensorrt: size of the frames in px; the graph then takes their bytes and resizes them itself',
    )
    .addOption(
      new Option('--opset <n>', 'ONNX operator set; 17 when absent, 19 for tensorrt').choices(['17', '18', '19', '20']),
    )
    .addOption(
      new Option(
        '--weights <type>',
        'float16 rounds the weights and halves the file; it computes in float32 either way',
      )
        .choices(['float32', 'float16'])
        .default('float32'),
    )
    .addOption(
      new Option(
        '--precision <type>',
        'tensorrt: what features are computed in; float16 is what Jetsons are fast at, boxes and scores stay float32',
      ).choices(['float32', 'float16']),
    )
    .option('--id <name>', "name of the model on the wire; the folder's when absent")
    .option(
      '--model-version <text>',
      'version of the model on the wire; 1.0.0, or that of the model folder read, when absent',
    )
    .option('--data <spec>', 'compare with the training engine on these images')
    .option('--limit <n>', 'only the first n images of --data', '100')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExample:\n  $ plumbline export --checkpoint out/nano --out models/nano/model.onnx --data deeppcb:DeepPCB#val-gate',
    )
    .action(runExport);
}

async function runExport(flags: ExportFlags): Promise<void> {
  const deploy = await loadOptional('export', '@plumbline/deploy', () => import('@plumbline/deploy/export'));
  const { decodeModel, describeValue } = await import('@plumbline/runtime/onnx');
  const checkpoint = withOverrides(await deploy.readCheckpoint(flags.checkpoint), flags);
  const opset = flags.opset === undefined ? {} : { opset: Number(flags.opset) as PortableOpset };
  if (flags.target !== 'tensorrt' && (flags.frame ?? flags.precision) !== undefined) {
    const problem = '--frame and --precision are for --target tensorrt';
    const accepted = 'a portable model takes frames of any size and computes in float32';
    throw new PlumblineError('PLB_CLI_USAGE', { problem, accepted });
  }
  const frame = flags.frame === undefined ? {} : { frameHw: parseSizeHw(flags.frame, '--frame') };
  const precision = flags.precision === undefined ? {} : { precision: flags.precision };
  const exported =
    flags.target === 'tensorrt'
      ? deploy.exportTensorrt(checkpoint, { ...opset, ...frame, ...precision })
      : deploy.exportPortable(checkpoint, opset);
  const identity = {
    ...(flags.modelVersion === undefined ? {} : { version: flags.modelVersion }),
    ...(flags.id === undefined ? {} : { id: flags.id }),
  };
  const written = await deploy.writeModelFolder(flags.out, exported, checkpoint, identity);
  const probe =
    flags.target === 'tensorrt' ? exported : deploy.exportPortable(checkpoint, { ...opset, withIntermediates: true });
  const parity = flags.data
    ? await measureParity(checkpoint, written.modelPath, probe, flags.data, flags.limit!)
    : null;
  const { graph } = decodeModel(exported.bytes, written.modelPath);
  const report = {
    target: flags.target,
    opset: exported.opset,
    nodes: exported.nodes,
    bytes: exported.bytes.length,
    inputs: graph.input.map(describeValue),
    outputs: graph.output.map(describeValue),
    parity,
    model: written.modelPath,
    manifest: written.manifestPath,
    sha256: written.manifest.files[basename(written.modelPath)]!.sha256,
  };
  if (flags.json) printJson(report);
  else {
    process.stdout.write(`${report.model}: ${report.nodes} nodes, opset ${report.opset}, ${report.bytes} bytes\n`);
    if (parity) {
      process.stdout.write(`against the training engine, ${parity.images} images\n`);
      process.stdout.write(differenceRow('before NMS', parity.beforeNms) + differenceRow('final', parity));
    }
  }
}

function differenceRow(label: string, difference: SetDifference): string {
  const { detections, maxBoxErrorPx, maxScoreError, unmatched } = difference;
  return (
    `  ${label.padEnd(11)} ${detections} boxes within ${maxBoxErrorPx.toFixed(4)} px, ` +
    `scores within ${maxScoreError.toExponential(1)}, ${unmatched} without a partner\n`
  );
}

/** The checkpoint with the network size, proposal count and weight type of the command line. */
function withOverrides(checkpoint: Checkpoint, { size, proposals, weights }: ExportFlags): Checkpoint {
  let { config } = checkpoint;
  if (size !== undefined) {
    // One size for every frame: that of the rule depends on the image.
    config = { ...config, imageSizeHw: parseSizeHw(size, '--size', 32), test: { ...config.test, resize: null } };
  } else if (config.test.resize) {
    const problem = `${checkpoint.source} is evaluated at sizes that depend on the image (test.resize)`;
    const accepted = `--size WxH, the one size that the file computes at, such as ${[...config.imageSizeHw].reverse().join('x')}`;
    throw new PlumblineError('PLB_CLI_USAGE', { problem, accepted });
  }
  if (proposals !== undefined) {
    config = { ...config, proposals: { ...config.proposals, testPostNms: parseCount(proposals, '--proposals') } };
  }
  return {
    ...checkpoint,
    config,
    weights: weights === 'float16' ? checkpoint.weights.roundedToFloat16() : checkpoint.weights,
  };
}

/**
 * Runs the exported file and the training engine with the same weights over the same images.
 * @param probe the same graph with scores and boxes of the regions as outputs
 */
async function measureParity(
  checkpoint: Checkpoint,
  modelPath: string,
  probe: ExportedModel,
  spec: string,
  limit: string,
): Promise<Parity> {
  const { compareDetections, RegionProbe } = await import('@plumbline/deploy/export');
  const { openDataset, readImageRgb } = await loadOptional(
    'export',
    '@plumbline/data',
    () => import('@plumbline/data/dataset'),
  );
  const { createDetector } = await import('@plumbline/runtime/detector');
  const { explainImage } = await loadOptional('export', '@plumbline/train', () => import('@plumbline/train/model'));
  const samples = (await openDataset(spec)).samples.slice(0, parseCount(limit, '--limit'));
  const model = await openReference(checkpoint);
  const detector = await createDetector({ modelDir: modelPath });
  const regions = await RegionProbe.open(probe, checkpoint);
  const progress = new Progress('parity', samples.length, 'images');
  const expected: Awaited<ReturnType<typeof explainImage>>[] = [];
  const actual: typeof expected = [];
  try {
    for (const [i, sample] of samples.entries()) {
      const image = await readImageRgb(sample.file);
      expected.push(await explainImage(model, image));
      actual.push({ regions: await regions.run(image), detections: (await detector.detect(image)).detections });
      progress.update(i + 1);
    }
  } finally {
    await regions.dispose();
    await detector.dispose();
  }
  const { scoreThreshold } = checkpoint.config.test;
  const difference = (part: 'regions' | 'detections') =>
    compareDetections(
      expected.map((found) => found[part]),
      actual.map((found) => found[part]),
      scoreThreshold,
    );
  return { ...difference('detections'), beforeNms: difference('regions') };
}

/** The training engine's model with the very weights that were exported. */
async function openReference({ source, config, classes, weights }: Checkpoint): Promise<DetectorModel> {
  const { loadEngine } = await import('@plumbline/train/engines');
  const { createDetectorModel, importWeights } = await import('@plumbline/train/model');
  await loadEngine('auto');
  const model = createDetectorModel(config, classes);
  importWeights(model.parameters, weights.entries(), source);
  return model;
}
