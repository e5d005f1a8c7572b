import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageInput, ModelInput } from '@plumbline/contract';
import { createRandom } from '@plumbline/core/random';
import {
  type Checkpoint,
  exportPortable,
  exportTensorrt,
  type PortableOpset,
  portableOpsets,
} from '@plumbline/deploy/export';
import {
  calibrateQuantizer,
  type Quantizer,
  type QuantizeTarget,
  quantizeTargets,
  targetSettings,
} from '@plumbline/deploy/quantize';
import { foldConstants } from '@plumbline/runtime/session';
import { loadEngine } from '@plumbline/train/engines';
import { InferenceSession } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smallDetector } from '../fixtures/foreign-model.js';
import { classes, createVariant, type Variant, variants } from './detector-variants.js';

/** A Python with the PyPI package onnx; name another one in PLUMBLINE_ONNX_PYTHON. */
const python = process.env.PLUMBLINE_ONNX_PYTHON ?? 'python3';
const hasOnnx = spawnSync(python, ['-c', 'import onnx']).status === 0;
if (!hasOnnx) {
  process.stderr.write(`onnx.checker test skipped: ${python} has no package "onnx". Install it: pip install onnx\n`);
}

/**
 * Full checks with strict inference; then every type and shape that a file states against what inference finds without
 * being told, and how many values it states nothing of.
 */
const check = `
import sys, onnx
def known(value):
    tensor = value.type.tensor_type
    dims = [d.dim_value if d.HasField('dim_value') else None for d in tensor.shape.dim]
    return tensor.elem_type, dims
for path in sys.argv[1:]:
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    stated = {v.name: known(v) for v in model.graph.value_info}
    del model.graph.value_info[:]
    found = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph.value_info
    wrong = []
    for value in found:
        if value.name not in stated: wrong.append(value.name + ' is not stated'); continue
        type_, dims = stated[value.name]
        type2, dims2 = known(value)
        if type_ != type2 or len(dims) != len(dims2): wrong.append(f'{value.name} {type_} {dims} {type2} {dims2}')
        elif any(b is not None and a != b for a, b in zip(dims, dims2)): wrong.append(f'{value.name} {dims} {dims2}')
    print(path, model.opset_import[0].version, wrong if stated else [])
`;

const dir = mkdtempSync(join(tmpdir(), 'plumbline-checker-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

beforeAll(async () => void (await loadEngine('wasm')));

const targets = [
  ['portable', (checkpoint: Checkpoint, opset: PortableOpset) => exportPortable(checkpoint, { opset })],
  ['tensorrt', (checkpoint: Checkpoint, opset: PortableOpset) => exportTensorrt(checkpoint, { opset })],
  [
    'tensorrt-frame',
    (checkpoint: Checkpoint, opset: PortableOpset) => exportTensorrt(checkpoint, { opset, frameHw: [90, 120] }),
  ],
] as const;

function checkpointOf(variant: Variant): Checkpoint {
  const { config, weights } = createVariant(variant);
  return { source: variant.name, config, classes, step: 0, runId: 'random', weights };
}

function expectPasses(files: readonly (readonly [path: string, opset: number])[]): void {
  const printed = execFileSync(python, ['-c', check, ...files.map(([path]) => path)], { encoding: 'utf8' });
  expect(printed.trim().split('\n')).toEqual(files.map(([path, opset]) => `${path} ${opset} []`));
}

describe.each(targets)('the exported graph for %s', (target, write) => {
  it('loads in ONNX Runtime at every opset', async () => {
    for (const opset of portableOpsets) {
      const { bytes, input } = write(checkpointOf(variants[2]!), opset);
      const session = await InferenceSession.create(bytes);
      expect(session.inputNames[0]).toBe(input.name);
      expect(session.outputNames).toEqual(
        target === 'portable' ? ['boxes', 'scores', 'classes', 'images'] : ['boxes', 'scores'],
      );
      await session.release();
    }
  });

  it.skipIf(!hasOnnx)(
    'passes onnx.checker and states the shapes that onnx infers, for every variant of the detector',
    () => {
      const files = variants.map((variant, i) => {
        const opset = portableOpsets[i % portableOpsets.length]!;
        const path = join(dir, `${i}-${target}.onnx`);
        writeFileSync(path, write(checkpointOf(variant), opset).bytes);
        return [path, opset] as const;
      });
      expectPasses(files);
    },
  );

  it.skipIf(!hasOnnx)('passes onnx.checker at every opset', () => {
    const files = portableOpsets.map((opset) => {
      const path = join(dir, `opset-${opset}-${target}.onnx`);
      writeFileSync(path, write(checkpointOf(variants[2]!), opset).bytes);
      return [path, opset] as const;
    });
    expectPasses(files);
  });
});

describe.each(quantizeTargets)('the quantized graph for %s', (target) => {
  const chosen = ['decoupled, n = 1', 'decoupled, n = 3', 'Faster R-CNN', 'Double-Head, n = 1'];
  const opsets = target === 'tensorrt' ? ([17, 19] as const) : ([17, 20] as const);
  const write = targets[target === 'tensorrt' ? 1 : 0][1];

  it.skipIf(!hasOnnx)('passes onnx.checker, with a convolutional branch as well', async () => {
    const files: [string, number][] = [];
    for (const [i, name] of chosen.entries()) {
      for (const opset of opsets) {
        const path = join(dir, `${i}-${opset}-${target}-int8.onnx`);
        const { bytes, input } = write(checkpointOf(variants.find((variant) => variant.name === name)!), opset);
        writeFileSync(path, bytes);
        const quantizer = await quantizerOf(path, target, input, opset);
        const layers = quantizer.layers.map((layer) => layer.name);
        expect(layers.some((layer) => /bottlenecks\.3\.conv3/.test(layer))).toBe(name.startsWith('Double-Head'));
        writeFileSync(path, quantizer.encode(quantizer.without(new Set())));
        files.push([path, opset]);
      }
    }
    expectPasses(files);
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
      const quantizer = await quantizerOf(file, target, input, 17);
      writeFileSync(file, quantizer.encode(quantizer.without(new Set())));
      expectPasses([[file, 17]]);
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
async function quantizerOf(file: string, target: QuantizeTarget, input: ModelInput, opset: number): Promise<Quantizer> {
  const random = createRandom(5);
  const data = Uint8Array.from({ length: 64 * 64 * 3 }, () => random.int(256));
  const images = (async function* () {
    yield { name: 'noise', image: { width: 64, height: 64, data } };
  })();
  const settings = targetSettings(target, true, opset);
  return calibrateQuantizer(await foldConstants(file), file, images, { method: 'percentile', settings, input });
}
