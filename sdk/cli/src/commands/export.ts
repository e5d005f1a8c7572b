import { PlumblineError } from '@plumbline/contract';
import type { Detection } from '@plumbline/core/geometry';
import type { Checkpoint, Parity, PortableOpset } from '@plumbline/deploy/export';
import type { DetectorModel } from '@plumbline/train/model';
import { type Command, Option } from 'commander';
import { loadOptional } from '../load-package.js';
import { parseCount } from '../option-values.js';
import { Progress, printJson } from '../output.js';

interface ExportFlags {
  checkpoint: string;
  out: string;
  target: 'portable';
  size?: string;
  proposals?: string;
  opset?: string;
  weights: 'float32' | 'float16';
  id?: string;
  modelVersion: string;
  data?: string;
  limit?: string;
  json?: boolean;
}

export function registerExport(program: Command): void {
  program
    .command('export')
    .description('write a checkpoint as an ONNX model with its manifest')
    .requiredOption('--checkpoint <dir>', 'checkpoint folder, or the folder of the run')
    .requiredOption('--out <path>', 'model folder, or the .onnx file in one')
    .addOption(
      new Option('--target <name>', 'portable: float32, any ONNX Runtime').choices(['portable']).default('portable'),
    )
    .option('--size <WxH>', "network input in px, multiples of 32; the checkpoint's own when absent")
    .option('--proposals <n>', "proposals that the heads look at; the checkpoint's own when absent")
    .addOption(new Option('--opset <n>', 'ONNX operator set').choices(['17', '18', '19', '20']).default('17'))
    .addOption(
      new Option(
        '--weights <type>',
        'float16 rounds the weights and halves the file; it computes in float32 either way',
      )
        .choices(['float32', 'float16'])
        .default('float32'),
    )
    .option('--id <name>', "name of the model on the wire; the folder's when absent")
    .option('--model-version <text>', 'version of the model on the wire', '1.0.0')
    .option('--data <spec>', 'compare with the training engine on these images')
    .option('--limit <n>', 'only the first n images of --data', '20')
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
  const exported = deploy.exportPortable(checkpoint, { opset: Number(flags.opset) as PortableOpset });
  const identity = { version: flags.modelVersion, ...(flags.id === undefined ? {} : { id: flags.id }) };
  const written = await deploy.writeModelFolder(flags.out, exported, checkpoint, identity);
  const parity = flags.data ? await measureParity(checkpoint, written.modelPath, flags.data, flags.limit!) : null;
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
    sha256: Object.values(written.manifest.files)[0]!.sha256,
  };
  if (flags.json) printJson(report);
  else {
    process.stdout.write(`${report.model}: ${report.nodes} nodes, opset ${report.opset}, ${report.bytes} bytes\n`);
    if (parity) {
      const { images, detections, maxBoxErrorPx, maxScoreError, unmatched } = parity;
      process.stdout.write(
        `against the training engine, ${images} images, ${detections} detections: boxes within ${maxBoxErrorPx.toFixed(4)} px, ` +
          `scores within ${maxScoreError.toExponential(1)}, ${unmatched} without a partner\n`,
      );
    }
  }
}

/** The checkpoint with the network size, proposal count and weight type of the command line. */
function withOverrides(checkpoint: Checkpoint, { size, proposals, weights }: ExportFlags): Checkpoint {
  let { config } = checkpoint;
  if (size !== undefined) {
    const [w, h] = /^(\d+)x(\d+)$/.exec(size)?.slice(1).map(Number) ?? [];
    if (!w || !h || w % 32 !== 0 || h % 32 !== 0) {
      throw new PlumblineError('PLB_CLI_USAGE', {
        problem: `--size is "${size}"`,
        accepted: 'WxH, multiples of 32, such as 512x416',
      });
    }
    config = { ...config, imageSizeHw: [h, w] };
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

/** Runs the exported graph and the training engine with the same weights over the same images. */
async function measureParity(checkpoint: Checkpoint, modelPath: string, spec: string, limit: string): Promise<Parity> {
  const { compareDetections } = await import('@plumbline/deploy/export');
  const { openDataset, readImageRgb } = await loadOptional(
    'export',
    '@plumbline/data',
    () => import('@plumbline/data/dataset'),
  );
  const { createDetector } = await import('@plumbline/runtime/detector');
  const { detectImage } = await loadOptional('export', '@plumbline/train', () => import('@plumbline/train/model'));
  const samples = (await openDataset(spec)).samples.slice(0, parseCount(limit, '--limit'));
  const model = await openReference(checkpoint);
  const detector = await createDetector({ modelDir: modelPath });
  const progress = new Progress('parity', samples.length, 'images');
  const expected: (readonly Detection[])[] = [];
  const actual: (readonly Detection[])[] = [];
  try {
    for (const [i, sample] of samples.entries()) {
      const image = await readImageRgb(sample.file);
      expected.push(await detectImage(model, image));
      actual.push((await detector.detect(image)).detections);
      progress.update(i + 1);
    }
  } finally {
    await detector.dispose();
  }
  return compareDetections(expected, actual, checkpoint.config.test.scoreThreshold);
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
