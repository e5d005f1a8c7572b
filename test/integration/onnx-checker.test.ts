import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageInput, ModelInput } from '@plumbline/contract';
import { createRandom } from '@plumbline/core/random';
import { exportPortable, portableOpsets, readCheckpoint } from '@plumbline/deploy/export';
import { calibrateQuantizer, type QuantizeTarget, quantizeTargets, targetSettings } from '@plumbline/deploy/quantize';
import { foldConstants } from '@plumbline/runtime/session';
import { InferenceSession } from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import { smallDetector } from '../fixtures/foreign-model.js';
import { frameInput } from '../fixtures/frame-input.js';
import { tinyConfig, writeRandomCheckpoint } from './random-checkpoint.js';

/** A Python with the PyPI package onnx; name another one in PLUMBLINE_ONNX_PYTHON. */
const python = process.env.PLUMBLINE_ONNX_PYTHON ?? 'python3';
const hasOnnx = spawnSync(python, ['-c', 'import onnx']).status === 0;
if (!hasOnnx) {
  process.stderr.write(`onnx.checker test skipped: ${python} has no package "onnx". Install it: pip install onnx\n`);
}

const check = `
import sys, onnx
for path in sys.argv[1:]:
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    print(path, model.opset_import[0].version)
`;

const dir = mkdtempSync(join(tmpdir(), 'plumbline-checker-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const variants = [
  { name: 'decoupled-3', model: { regressors: 3 } },
  { name: 'decoupled-1', model: { regressors: 1 } },
  { name: 'faster', model: { kind: 'faster', regressors: 1, head: { ...tinyConfig.model.head, shared: true } } },
] as const;

describe.each(variants)('the exported graph of $name', ({ name, model }) => {
  const config = { ...tinyConfig, model: { ...tinyConfig.model, ...model } };
  const checkpointDir = join(dir, name);
  writeRandomCheckpoint(checkpointDir, config, ['a', 'b', 'c']);

  it.each(portableOpsets)('loads in ONNX Runtime at opset %i', async (opset) => {
    const { bytes } = exportPortable(await readCheckpoint(checkpointDir), { opset });
    const session = await InferenceSession.create(bytes);
    expect([session.inputNames, session.outputNames]).toEqual([['frame'], ['boxes', 'scores', 'classes', 'images']]);
    await session.release();
  });

  it.skipIf(!hasOnnx)('passes onnx.checker with full shape and type inference at every opset', async () => {
    const checkpoint = await readCheckpoint(checkpointDir);
    const files = portableOpsets.map((opset) => {
      const file = join(dir, `${name}-${opset}.onnx`);
      writeFileSync(file, exportPortable(checkpoint, { opset }).bytes);
      return file;
    });
    const printed = execFileSync(python, ['-c', check, ...files], { encoding: 'utf8' });
    expect(printed.trim().split('\n')).toEqual(files.map((file, i) => `${file} ${portableOpsets[i]}`));
  });

  it.skipIf(!hasOnnx).each(quantizeTargets)('passes it in integers for %s as well', async (target) => {
    const checkpoint = await readCheckpoint(checkpointDir);
    const files: string[] = [];
    for (const opset of portableOpsets) {
      const file = join(dir, `${name}-${opset}-${target}.onnx`);
      writeFileSync(file, exportPortable(checkpoint, { opset }).bytes);
      writeFileSync(file, await quantized(file, target));
      files.push(file);
    }
    const printed = execFileSync(python, ['-c', check, ...files], { encoding: 'utf8' });
    expect(printed.trim().split('\n')).toEqual(files.map((file, i) => `${file} ${portableOpsets[i]}`));
  });
});

describe('a graph of another project in integers', () => {
  it.skipIf(!hasOnnx).each(['cpu-x64', 'cpu-arm64'] as const)('passes onnx.checker for %s', async (target) => {
    const models = [
      { name: 'small', bytes: smallDetector(), input: networkImage },
      {
        name: 'torchvision',
        bytes: readFileSync(join(import.meta.dirname, '../fixtures/foreign/torchvision-fasterrcnn.onnx')),
        // With branches whose graphs take values from around them.
        input: { ...networkImage, layout: 'CHW', fit: 'none' } as const,
      },
    ];
    for (const { name, bytes, input } of models) {
      const file = join(dir, `${name}-${target}.onnx`);
      writeFileSync(file, bytes);
      writeFileSync(file, await quantized(file, target, input));
      expect(execFileSync(python, ['-c', check, file], { encoding: 'utf8' }).trim()).toBe(`${file} 17`);
      const session = await InferenceSession.create(file);
      await session.release();
    }
  });
});

const networkImage: ImageInput = {
  kind: 'image',
  name: 'images',
  layout: 'NCHW',
  color: 'RGB',
  networkSizeHw: [32, 32],
  fit: 'stretch',
  pad: [0, 0, 0],
  mean: [0, 0, 0],
  std: [255, 255, 255],
};

/** Ranges from one frame of noise. */
async function quantized(file: string, target: QuantizeTarget, input: ModelInput = frameInput): Promise<Uint8Array> {
  const random = createRandom(5);
  const data = Uint8Array.from({ length: 64 * 64 * 3 }, () => random.int(256));
  const images = (async function* () {
    yield { name: 'noise', image: { width: 64, height: 64, data } };
  })();
  const settings = targetSettings(target, true, 17);
  const options = { method: 'percentile', settings, input } as const;
  const quantizer = await calibrateQuantizer(await foldConstants(file), file, images, options);
  return quantizer.encode(quantizer.without(new Set()));
}
