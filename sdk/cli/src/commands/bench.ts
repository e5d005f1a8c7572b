import type { ImageRgb } from '@plumbline/core/image';
import type { Command } from 'commander';
import { loadOptional } from '../load-package.js';
import { parseCount, parseSeconds } from '../option-values.js';
import { Progress, printJson } from '../output.js';
import { printFallback, providersOption } from '../providers-option.js';
import { registerBenchEval } from './bench-eval.js';
import { registerBenchLoader } from './bench-loader.js';
import { registerBenchNms } from './bench-nms.js';
import { registerBenchQuantize } from './bench-quantize.js';
import { registerBenchTrain } from './bench-train.js';

interface InferFlags {
  model: string;
  data?: string;
  seconds: string;
  threads?: string;
  providers?: string[];
  json?: boolean;
}

/** Images of --data that are decoded beforehand and then shown in turn. */
const maxImages = 32;

export function registerBench(program: Command): void {
  const bench = program.command('bench').description('measure speed, with the facts of the machine');
  bench
    .command('infer')
    .description('frames a second from decoded pixels to final boxes, in the worker thread that a line uses')
    .requiredOption('--model <path>', 'model folder, or the .onnx file in one')
    .option('--data <spec>', `images of a dataset (the first ${maxImages}); random pixels when absent`)
    .option('--seconds <n>', 'time to measure', '10')
    .option('--threads <n>', 'threads of one inference; every core when absent')
    .addOption(providersOption())
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ plumbline bench infer --model models/pcb-defects-nano --threads 2 --json')
    .action(runInfer);
  registerBenchEval(bench);
  registerBenchLoader(bench);
  registerBenchNms(bench);
  registerBenchQuantize(bench);
  registerBenchTrain(bench);
}

async function runInfer(flags: InferFlags): Promise<void> {
  const seconds = parseSeconds(flags.seconds, '--seconds');
  const { createWorkerDetector } = await import('@plumbline/runtime/detector');
  const { benchmarkDetector, hardwareFacts } = await import('@plumbline/runtime/bench');
  const threads = flags.threads === undefined ? {} : { threads: parseCount(flags.threads, '--threads') };
  const providers = flags.providers === undefined ? {} : { executionProviders: flags.providers };
  const detector = await createWorkerDetector({ modelDir: flags.model, ...threads, ...providers });
  await printFallback(detector.info.providerAttempts);
  try {
    const { info } = detector;
    const images = flags.data ? await decodeImages(flags.data) : [randomImage(info.frameSizeHw)];
    const progress = new Progress('bench infer', seconds, 's');
    const figures = await benchmarkDetector(detector, images, seconds, (elapsed) =>
      progress.update(Math.floor(elapsed)),
    );
    const report = {
      ...figures,
      model: { id: info.id, version: info.version, sha256: info.sha256, networkSizeHw: info.networkSizeHw },
      executionProvider: info.executionProvider,
      threads: info.threads,
      frameSource: flags.data ?? 'random pixels of the network size',
      frameSizeHw: [images[0]!.height, images[0]!.width],
      hardware: hardwareFacts(),
    };
    if (flags.json) printJson(report);
    else {
      const { ms, framesPerSecond, shareOutsideOnnxRuntime } = report;
      process.stdout.write(
        `${framesPerSecond.toFixed(1)} frames/s, ${ms.p50.toFixed(1)} ms median, ${ms.p95.toFixed(1)} ms p95, ` +
          `${(100 * shareOutsideOnnxRuntime).toFixed(1)} % outside ONNX Runtime (${report.threads} threads, ${report.hardware.cpu})\n`,
      );
    }
  } finally {
    await detector.dispose();
  }
}

async function decodeImages(spec: string): Promise<ImageRgb[]> {
  const { openDataset, readImageRgb } = await loadOptional(
    'bench infer',
    '@plumbline/data',
    () => import('@plumbline/data/dataset'),
  );
  const { samples } = await openDataset(spec);
  return Promise.all(samples.slice(0, maxImages).map((sample) => readImageRgb(sample.file)));
}

function randomImage([height, width]: readonly [number, number]): ImageRgb {
  const data = new Uint8Array(height * width * 3);
  let state = 1;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = state >>> 24;
  }
  return { width, height, data };
}
