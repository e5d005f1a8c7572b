import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSafetensors, writeSafetensors } from '@plumbline/core/safetensors';
import { openDataset } from '@plumbline/data/dataset';
import { calibrateQuantizer, calibrationImages, calibrationMethods, targetSettings } from '@plumbline/deploy/quantize';
import { decodeModel, encodeModel, type OnnxModel } from '@plumbline/runtime/onnx';
import { createFrameRunner, foldConstants } from '@plumbline/runtime/session';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frameInput } from '../fixtures/frame-input.js';
import { pageBytes, SmallDisk } from '../fixtures/full-disk.js';
import { writeHandMadeModel } from '../fixtures/hand-made-model.js';
import { writeOneLayerModel } from '../fixtures/one-layer-model.js';
import { runPlumbline, runPlumblineWith } from '../fixtures/run-plumbline.js';
import { tinyConfig, writeRandomCheckpoint } from './random-checkpoint.js';

const nanoPath = join(import.meta.dirname, '../../models/pcb-defects-nano/model.onnx');
const dir = mkdtempSync(join(tmpdir(), 'plumbline-bad-input-'));
const disk = new SmallDisk(join(dir, 'disk'), 1024);
const checkpoint = join(dir, 'checkpoint');
const images = join(dir, 'images');
const oneLayer = join(dir, 'one-layer');
const box = [8, 8, 24, 28];
let nanoBytes: Buffer;
let nano: OnnxModel;

beforeAll(async () => {
  nanoBytes = readFileSync(nanoPath);
  nano = decodeModel(nanoBytes, nanoPath);
  writeRandomCheckpoint(checkpoint, tinyConfig, ['a', 'b']);
  writeOneLayerModel(oneLayer, 'part', box, 32);
  await image('blank', 32, 32, '#808080');
  await image('other', 32, 32, '#606060');
  await image('wide', 300, 40, '#204060');
  await image('tall', 50, 620, '#604020');
  await image('black', 32, 32, '#000000');
  writeFileSync(join(images, 'empty.png'), '');
  writeFileSync(join(images, 'text.png'), 'no picture');
  writeFileSync(join(images, 'cut.png'), readFileSync(join(images, 'blank.png')).subarray(0, 40));
});
afterAll(() => {
  disk.unmount();
  rmSync(dir, { recursive: true });
});

async function image(name: string, width: number, height: number, background: string): Promise<void> {
  mkdirSync(images, { recursive: true });
  await sharp({ create: { width, height, channels: 3, background } })
    .png()
    .toFile(join(images, `${name}.png`));
}

/** A COCO file of images with one box each, of the size that the file states. */
function dataset(name: string, files: readonly (readonly [name: string, width: number, height: number])[]): string {
  const [x1, y1, x2, y2] = box as [number, number, number, number];
  const bbox = [x1, y1, x2 - x1, y2 - y1];
  writeFileSync(
    join(dir, `${name}.json`),
    JSON.stringify({
      images: files.map(([file, width, height], i) => ({ id: i + 1, file_name: `${file}.png`, width, height })),
      annotations: files.map((_, i) => ({ id: i + 1, image_id: i + 1, category_id: 1, bbox, area: 320, iscrowd: 0 })),
      categories: [{ id: 1, name: 'part' }],
    }),
  );
  return `coco:${join(dir, `${name}.json`)}@${images}`;
}

const blanks = () =>
  dataset('blanks', [
    ['blank', 32, 32],
    ['other', 32, 32],
  ]);

function exportTo(out: string, from = checkpoint) {
  return runPlumbline('export', '--checkpoint', from, '--out', out, '--id', 'tiny');
}

function quantize(model: string, out: string, calibrate: string, gate = calibrate, ...more: string[]) {
  const data = ['--calibrate', calibrate, '--gate-data', gate];
  return runPlumbline('quantize', '--model', model, ...data, '--out', out, '--max-drop', '100', ...more);
}

/** Every file of a folder with its bytes. */
function contents(folder: string): Record<string, string> {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'base64')]));
}

/** The shipped model with some nodes changed, in a folder of its own whose manifest knows its hash. */
function changedNano(name: string, graph: Partial<OnnxModel['graph']>): string {
  const model = join(dir, name);
  writeHandMadeModel(model, name, ['part'], encodeModel({ ...nano, graph: { ...nano.graph, ...graph } }));
  return model;
}

describe('plumbline export', () => {
  it('refuses a checkpoint of another schema version, naming the line and the key', async () => {
    const other = join(dir, 'other-version');
    cpSync(checkpoint, other, { recursive: true });
    const config = join(other, 'config.json');
    const text = readFileSync(config, 'utf8');
    writeFileSync(config, text.replace('plumbline.checkpoint/1', 'plumbline.checkpoint/2'));
    const { exitCode, stderr } = await exportTo(join(dir, 'nothing'), other);
    expect(stderr).toContain(`PLB_CONFIG_INVALID: ${config}:1:2: schema: `);
    expect(stderr).toContain('plumbline.checkpoint/1');
    expect(exitCode).toBe(2);
    expect(existsSync(join(dir, 'nothing'))).toBe(false);
  });

  it('refuses truncated weights and writes nothing', async () => {
    const cut = join(dir, 'cut-weights');
    cpSync(checkpoint, cut, { recursive: true });
    const file = join(cut, 'weights.safetensors');
    writeFileSync(file, readFileSync(file).subarray(0, -100));
    const { exitCode, stderr } = await exportTo(join(dir, 'nothing'), cut);
    expect(stderr).toContain(`PLB_CORE_SAFETENSORS_INVALID: ${file}`);
    expect(exitCode).toBe(2);
    expect(existsSync(join(dir, 'nothing'))).toBe(false);
  });

  it.each([
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
  ])('refuses a weight that is %s, naming layer and tensor', async (text, value) => {
    const broken = join(dir, `weights-${text}`);
    cpSync(checkpoint, broken, { recursive: true });
    const file = join(broken, 'weights.safetensors');
    const { tensors } = readSafetensors(new Uint8Array(readFileSync(file)), file);
    (tensors.get('backbone.layer1.0.conv2.weight')!.data as Float32Array)[5] = value;
    writeFileSync(file, writeSafetensors(tensors as Parameters<typeof writeSafetensors>[0]));
    const { exitCode, stderr } = await exportTo(join(dir, 'nothing'), broken);
    expect(stderr).toContain(
      `PLB_DEPLOY_WEIGHTS_INVALID: ${file}: tensor backbone.layer1.0.conv2.weight of node backbone.layer1.0.conv2: value 5 is ${text}`,
    );
    expect(exitCode).toBe(2);
    expect(existsSync(join(dir, 'nothing'))).toBe(false);
  });

  it.skipIf(!disk.isMounted)(
    'leaves the model and manifest before on a full disk, and no half of the next',
    async () => {
      const reference = join(dir, 'reference');
      expect((await exportTo(reference)).exitCode).toBe(0);
      const pages = Math.ceil(readFileSync(join(reference, 'model.onnx')).length / pageBytes);
      const out = join(disk.dir, 'exported');
      // Nothing fits; half of the model fits; the model fits and the manifest does not.
      for (const free of [0, Math.floor(pages / 2), pages]) {
        disk.leave(free, 0);
        const fresh = await exportTo(out);
        expect(fresh.stderr, `${free} pages`).toMatch(/PLB_DEPLOY_WRITE_FAILED: .* cannot be written \(ENOSPC\)/);
        expect(fresh.exitCode).toBe(1);
        expect(readdirSync(out)).toEqual([]);
      }
      disk.leave(pages + 1, 0);
      expect((await exportTo(out)).exitCode).toBe(0);
      const before = contents(out);
      disk.leave(pages, pages + 1);
      expect((await exportTo(out)).stderr).toContain('(ENOSPC)');
      expect(contents(out)).toEqual(before);
      rmSync(out, { recursive: true });
    },
    60_000,
  );
});

describe('plumbline quantize and eval', () => {
  it('refuse a truncated model whose manifest knows the truncated bytes', async () => {
    const cut = join(dir, 'cut');
    writeHandMadeModel(cut, 'cut', ['part'], nanoBytes.subarray(0, nanoBytes.length / 2));
    const file = join(cut, 'model.onnx');
    const out = join(dir, 'from-cut', 'model.onnx');
    for (const { exitCode, stderr } of [
      await quantize(cut, out, blanks()),
      await runPlumbline('eval', '--model', cut, '--data', blanks()),
    ]) {
      expect(stderr).toContain(`PLB_RUNTIME_MODEL_UNREADABLE: ${file}`);
      expect(exitCode).toBe(2);
    }
    expect(existsSync(join(dir, 'from-cut'))).toBe(false);
  });

  it('refuse an operator that the opset of the graph does not have, naming node and operator', async () => {
    const node = nano.graph.node.map((found) =>
      found.name === 'backbone.relu'
        ? { ...found, op_type: 'GroupNormalization', input: [0, 0, 0].map(() => found.input[0]!) }
        : found,
    );
    const model = changedNano('group-norm', { node });
    for (const { exitCode, stderr } of [
      await quantize(model, join(dir, 'from-group-norm', 'model.onnx'), blanks()),
      await runPlumbline('eval', '--model', model, '--data', blanks()),
    ]) {
      expect(stderr).toContain(`PLB_RUNTIME_MODEL_UNREADABLE: ${join(model, 'model.onnx')}`);
      expect(stderr).toMatch(/"backbone\.relu", GroupNormalization.*domain_version of 17/);
      expect(exitCode).toBe(2);
    }
    expect(existsSync(join(dir, 'from-group-norm'))).toBe(false);
  });
});

describe('plumbline quantize', () => {
  it.skipIf(!disk.isMounted)('tells a full folder for temporary files from a broken model', async () => {
    disk.leave(16, 0);
    const args = ['--calibrate', blanks(), '--gate-data', blanks(), '--out', join(dir, 'from-full')];
    const { exitCode, stderr } = await runPlumblineWith({ TMPDIR: disk.dir }, 'quantize', '--model', nanoPath, ...args);
    expect(stderr).toMatch(new RegExp(`PLB_RUNTIME_TEMPORARY_FULL: ${disk.dir}: \\d+ bytes are free`));
    expect(exitCode).toBe(1);
    expect(existsSync(join(dir, 'from-full'))).toBe(false);
    expect(readdirSync(disk.dir)).toEqual(['filler']);
  });

  it.each(['backbone.conv1', 'roi_head.stage1.fc_cls'])(
    'refuses a NaN in the weights of %s before it looks at any image, whether the layer becomes integers or not',
    async (layer) => {
      const initializer = nano.graph.initializer.map((tensor) => {
        if (!tensor.name.startsWith(`${layer}.weight`) || tensor.name.endsWith('factor')) return tensor;
        const raw_data = Uint8Array.from(tensor.raw_data!);
        // float16 or float32: a NaN is all ones.
        raw_data.fill(0xff, 4, 8);
        return { ...tensor, raw_data };
      });
      const model = changedNano(`nan-${layer}`, { initializer });
      const { exitCode, stderr } = await quantize(model, join(dir, 'from-nan', 'model.onnx'), blanks());
      expect(stderr).toMatch(
        new RegExp(`^PLB_DEPLOY_WEIGHTS_INVALID: .*tensor ${layer}\\.weight of node ${layer}: value \\d is NaN`),
      );
      expect(exitCode).toBe(2);
      expect(existsSync(join(dir, 'from-nan'))).toBe(false);
    },
  );

  it.each(['empty', 'text', 'cut'])('names a calibration image that is %s, and writes nothing', async (name) => {
    const data = dataset(`with-${name}`, [
      ['blank', 32, 32],
      [name, 32, 32],
    ]);
    const { exitCode, stderr } = await quantize(oneLayer, join(dir, `from-${name}`, 'model.onnx'), data, blanks());
    expect(stderr).toContain(`PLB_DATA_IMAGE_UNREADABLE: ${join(images, `${name}.png`)}`);
    expect(exitCode).toBe(2);
    expect(existsSync(join(dir, `from-${name}`))).toBe(false);
  });

  it('refuses a dataset without images and one of other sizes than its annotations say', async () => {
    const none = await quantize(oneLayer, join(dir, 'from-none'), dataset('none', []), blanks());
    expect(none.stderr).toContain('PLB_DATA_SPLIT_EMPTY');
    const wrong = await quantize(oneLayer, join(dir, 'from-none'), dataset('wrong', [['blank', 64, 32]]), blanks());
    expect(wrong.stderr).toMatch(/PLB_DATA_SIZE_DIFFERS: .*wrong\.json:\d+:\d+: .*64x32 px.*32x32/);
    expect([none.exitCode, wrong.exitCode]).toEqual([2, 2]);
    expect(existsSync(join(dir, 'from-none'))).toBe(false);
  });

  it('calibrates with images of any size, larger, smaller and of other proportions than the network', async () => {
    const data = dataset('sizes', [
      ['wide', 300, 40],
      ['tall', 50, 620],
      ['blank', 32, 32],
    ]);
    const { samples } = await openDataset(data);
    const seen: number[] = [];
    const quantizer = await calibrateQuantizer(await foldConstants(nanoPath), nanoPath, calibrationImages(samples), {
      method: 'minmax',
      settings: targetSettings('cpu-x64', false, 17),
      input: frameInput,
      onImage: (done) => seen.push(done),
    });
    expect(seen).toEqual([1, 2, 3]);
    const runner = await createFrameRunner(quantizer.encode(quantizer.without(new Set())), frameInput, 1);
    for await (const { image: picture } of calibrationImages(samples)) {
      const found = await runner.run(picture, ['boxes', 'scores']);
      expect(found.get('boxes')!.length).toBe(4 * found.get('scores')!.length);
    }
    await runner.dispose();
  }, 30_000);

  it.each(calibrationMethods)('gives activations that are all zero scale 1 and zero point 0, by %s', async (method) => {
    const zeros = join(dir, `zeros-${method}`);
    writeOneLayerModel(zeros, 'part', [0, 0, 0, 0], 0);
    const path = join(zeros, 'model.onnx');
    const { samples } = await openDataset(dataset('black', [['black', 32, 32]]));
    const quantizer = await calibrateQuantizer(await foldConstants(path), path, calibrationImages(samples), {
      method,
      settings: targetSettings('cpu-x64', false, 17),
      input: frameInput,
    });
    const model = quantizer.without(new Set());
    const constant = (name: string) => model.graph.initializer.find((tensor) => tensor.name === name)?.raw_data;
    for (const value of ['input.nchw', 'backbone.conv1']) {
      expect(constant(`${value}_scale`), value).toEqual(new Uint8Array(Float32Array.of(1).buffer));
      expect(constant(`${value}_zero_point`), value).toEqual(Uint8Array.of(0));
    }
    const runner = await createFrameRunner(quantizer.encode(model), frameInput, 1);
    for await (const { image: picture } of calibrationImages(samples)) {
      expect([...(await runner.run(picture, ['boxes'])).get('boxes')!]).toEqual([0, 0, 0, 0]);
    }
    await runner.dispose();
  });

  it.skipIf(!disk.isMounted)(
    'leaves the files before on a full disk, and no half of the next',
    async () => {
      const model = join(disk.dir, 'quantized');
      disk.leave(16, 0);
      cpSync(oneLayer, model, { recursive: true });
      const before = contents(model);
      const out = join(model, 'model.cpu-x64.onnx');
      for (const free of [0, 1]) {
        disk.leave(free, 2);
        const { exitCode, stderr } = await quantize(model, out, blanks());
        expect(stderr, `${free} pages`).toMatch(/PLB_DEPLOY_WRITE_FAILED: .* cannot be written \(ENOSPC\)/);
        expect(exitCode).toBe(1);
        expect(contents(model)).toEqual(before);
      }
      disk.leave(16, 2);
      expect((await quantize(model, out, blanks())).exitCode).toBe(0);
      expect(readdirSync(model).sort()).toEqual(['manifest.json', 'model.cpu-x64.onnx', 'model.onnx']);
      const report = join(disk.dir, 'report.html');
      disk.leave(1, 4);
      const unreported = await quantize(model, join(dir, 'reported'), blanks(), blanks(), '--html', report);
      expect(unreported.stderr).toContain(`PLB_CLI_WRITE_FAILED: ${report}`);
      expect(readdirSync(disk.dir).sort()).toEqual(['filler', 'quantized']);
    },
    120_000,
  );
});
