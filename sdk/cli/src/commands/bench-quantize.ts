import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { CalibrationMethod } from '@plumbline/deploy/quantize';
import { type Command, Option } from 'commander';
import { askPeer } from '../ask-peer.js';
import { loadOptional } from '../load-package.js';
import { parseCount } from '../option-values.js';
import { Progress, printJson } from '../output.js';

interface BenchFlags {
  model: string;
  data: string;
  images: string;
  method: Exclude<CalibrationMethod, 'mse'>;
  gateData?: string;
  peer: string[];
  json?: boolean;
}

type PeerRow = { readonly command: string } & (
  | {
      readonly version: string;
      readonly seconds: number;
      /** Their time over ours. */
      readonly ratio: number;
      /** Fraction; null without --gate-data. */
      readonly ap: number | null;
    }
  | { readonly missing: string }
);

export function registerBenchQuantize(bench: Command): void {
  bench
    .command('quantize')
    .description('time from a float model to its cpu-x64 integers, without the accuracy gate')
    .requiredOption('--model <path>', 'float model folder, or .onnx in one')
    .requiredOption('--data <spec>', 'images to calibrate with')
    .option('--images <n>', 'the first n of them', '200')
    .addOption(
      new Option('--method <name>', 'how ranges are chosen')
        .choices(['minmax', 'entropy', 'percentile'])
        .default('minmax'),
    )
    .option('--gate-data <spec>', 'labelled images that every file is evaluated on')
    .option(
      '--peer <command>',
      'a program that quantizes the same nodes of the same graph, see test/bench; can be repeated',
      (value: string, before: string[]) => [...before, value],
      [],
    )
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExample:\n  $ plumbline bench quantize --model models/pcb-defects-nano --data deeppcb:DeepPCB#train --peer "python3 test/bench/quantize_peer.py"',
    )
    .action(runBenchQuantize);
}

async function runBenchQuantize(flags: BenchFlags): Promise<void> {
  const deploy = await loadOptional('bench quantize', '@plumbline/deploy', () => import('@plumbline/deploy/quantize'));
  const data = await loadOptional('bench quantize', '@plumbline/data', () => import('@plumbline/data/dataset'));
  const { loadModelFolder } = await import('@plumbline/runtime/model-folder');
  const { foldConstants } = await import('@plumbline/runtime/session');
  const { encodeModel, toNumber } = await import('@plumbline/runtime/onnx');
  const { hardwareFacts } = await import('@plumbline/runtime/bench');
  const { manifest, modelPath } = await loadModelFolder(flags.model);
  const samples = (await data.openDataset(flags.data)).samples.slice(0, parseCount(flags.images, '--images'));
  const gateData = flags.gateData === undefined ? undefined : await data.openDataset(flags.gateData);
  const dir = await mkdtemp(join(tmpdir(), 'plumbline-bench-quantize-'));
  try {
    const startedMs = performance.now();
    const float = await foldConstants(modelPath);
    const foldedMs = performance.now();
    const reducedRange = deploy.hasVnni() !== true;
    const progress = new Progress('calibrate', samples.length, 'images');
    const quantizer = await deploy.calibrateQuantizer(float, modelPath, deploy.calibrationImages(samples), {
      method: flags.method,
      settings: deploy.targetSettings('cpu-x64', reducedRange, toNumber(float.opset_import[0]!.version)),
      input: manifest.input,
      onImage: (done) => progress.update(done),
    });
    const calibratedMs = performance.now();
    const bytes = quantizer.encode(quantizer.without(new Set()));
    const writtenMs = performance.now();
    const seconds = {
      fold: (foldedMs - startedMs) / 1000,
      calibrate: (calibratedMs - foldedMs) / 1000,
      write: (writtenMs - calibratedMs) / 1000,
      total: (writtenMs - startedMs) / 1000,
    };

    const judge = gateData && new deploy.ModelJudge(gateData, manifest);
    const apOf = async (model: Uint8Array) => (judge ? (await judge.evaluate(model)).AP! : null);
    const peers: PeerRow[] = [];
    const ap = await apOf(bytes);
    const folded = join(dir, 'folded.onnx');
    await writeFile(folded, encodeModel(float));
    for (const [i, command] of flags.peer.entries()) {
      process.stderr.write(`bench quantize: ${command}\n`);
      const out = join(dir, `peer-${i}.onnx`);
      const answered = await askPeer<{ version: string; seconds: number }>(command, {
        model: folded,
        input: manifest.input.name,
        nodes: quantizer.nodes.map(({ name }) => name),
        images: samples.map(({ file }) => resolve(file)),
        method: flags.method,
        reduceRange: reducedRange,
        out,
      });
      if ('missing' in answered) peers.push({ command, missing: answered.missing });
      else {
        const { version, seconds: theirs } = answered.answer;
        const peerAp = await apOf(await readFile(out));
        peers.push({ command, version, seconds: theirs, ratio: theirs / seconds.total, ap: peerAp });
      }
    }
    const report = { method: flags.method, images: samples.length, seconds, ap, peers, hardware: hardwareFacts() };
    if (flags.json) return printJson(report);
    const points = (value: number | null) => (value === null ? '' : `, AP ${(100 * value).toFixed(2)}`);
    process.stdout.write(
      `${flags.method}, ${samples.length} images: ${seconds.total.toFixed(1)} s (fold ${seconds.fold.toFixed(1)}, ` +
        `calibrate ${seconds.calibrate.toFixed(1)}, write ${seconds.write.toFixed(1)})${points(ap)}\n` +
        peers
          .map((peer) =>
            'missing' in peer
              ? `${peer.command} left out: ${peer.missing}\n`
              : `${peer.version}: ${peer.seconds.toFixed(1)} s, ratio ${peer.ratio.toFixed(2)}${points(peer.ap)}\n`,
          )
          .join('') +
        `${report.hardware.cpu}\n`,
    );
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
