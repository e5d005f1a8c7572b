import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeModel } from '@plumbline/runtime/onnx';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ForeignModel, foreignModel, smallDetector } from '../fixtures/foreign-model.js';
import { runPlumbline } from '../fixtures/run-plumbline.js';

let dir: string;
let images: string;
let data: string;

/** One frame of 64 x 32 px, red 51 of 255, with a part at [16, 8, 48, 24]. */
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-adopt-test-'));
  images = join(dir, 'images');
  await mkdir(images);
  const frame = sharp({ create: { width: 64, height: 32, channels: 3, background: { r: 51, g: 0, b: 0 } } });
  await frame.png().toFile(join(images, '1.png'));
  const annotations = {
    images: [{ id: 1, file_name: '1.png', width: 64, height: 32 }],
    annotations: [{ id: 1, image_id: 1, category_id: 2, bbox: [16, 8, 32, 16], area: 512, iscrowd: 0 }],
    categories: [
      { id: 1, name: 'hole' },
      { id: 2, name: 'part' },
    ],
  };
  await writeFile(join(dir, 'annotations.json'), JSON.stringify(annotations));
  data = `coco:${join(dir, 'annotations.json')}@${images}`;
});
afterAll(() => rm(dir, { recursive: true }));

let count = 0;

async function adopt(model: ForeignModel | Uint8Array, ...options: string[]) {
  const file = join(dir, `model-${++count}.onnx`);
  const out = join(dir, `adopted-${count}`);
  await writeFile(file, model instanceof Uint8Array ? model : foreignModel(model));
  const result = await runPlumbline('model', 'adopt', file, '--out', out, ...options);
  return { ...result, file, out };
}

async function predict(model: string): Promise<unknown[][]> {
  const out = join(dir, 'found.json');
  const { stderr, exitCode } = await runPlumbline('predict', '--model', model, '--images', images, '--out', out);
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  return JSON.parse(await readFile(out, 'utf8')).map(
    (found: { category_name: string; score: number; bbox: number[] }) => [
      found.category_name,
      Number(found.score.toFixed(4)),
      ...found.bbox,
    ],
  );
}

async function averagePrecision(model: string): Promise<number> {
  const { stdout } = await runPlumbline('eval', '--model', model, '--data', data, '--json');
  return JSON.parse(stdout).stats.AP;
}

const names = ['--classes', 'hole,part'];
/** The part's box in the network's 32 x 32 px, where the frame is 32 x 16 px, 8 px from the top. */
const partCxcywh = [16, 16, 16, 8];

function ultralytics(change: Partial<ForeignModel> = {}): ForeignModel {
  // Two candidates at the part; each column: cx, cy, w, h, score of hole, score of part.
  const values = [...partCxcywh.flatMap((side) => [side, side]), 0.02, 0.03, 0.8, 0.7];
  return { outputs: [{ name: 'output0', shape: [1, 6, 2], values, dims: [1, 6, 'n'] }], ...change };
}

const torchvision: ForeignModel = {
  input: { dims: [3, 'height', 'width'] },
  outputs: [
    { name: 'boxes', shape: [2, 4], values: [16, 8, 48, 24, 0, 0, 9, 9], dims: ['n', 4] },
    { name: 'labels', type: 'int64', shape: [2], values: [2, 0], dims: ['n'] },
    { name: 'scores', shape: [2], values: [0.6, 0.9], dims: ['n'] },
  ],
};

describe('plumbline model adopt', () => {
  it('takes an Ultralytics file by what it says of itself, and eval and predict run the folder', async () => {
    const metadata = {
      names: "{0: 'hole', 1: 'part'}",
      imgsz: '[32, 32]',
      task: 'detect',
      license: 'AGPL-3.0 License',
    };
    const open = { dims: ['batch', 3, 'height', 'width'] };
    const { exitCode, stdout, out } = await adopt(
      ultralytics({ input: open, metadata }),
      ...['--layout', 'ultralytics', '--json'],
    );
    expect(exitCode).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ classesFrom: 'file', model: join(out, 'model.onnx') });
    expect(report.found).toBe('it takes "images" float [batch,3,height,width] and returns "output0" float [1,6,n]');
    const manifest = JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8'));
    expect(manifest).toEqual(report.manifest);
    expect(manifest).toMatchObject({
      id: 'model-1',
      version: '1.0.0',
      architecture: 'ultralytics',
      classes: ['hole', 'part'],
      scoreThreshold: 0.05,
      license: 'AGPL-3.0 License',
      input: { networkSizeHw: [32, 32], fit: 'center', pad: [114, 114, 114] },
      outputs: { kind: 'candidates', nmsIou: 0.7, maxDetections: 300 },
    });
    expect(await predict(out)).toEqual([['part', 0.8, 16, 8, 32, 16]]);
    expect(await averagePrecision(out)).toBeCloseTo(1, 9);
  }, 60_000);

  it('takes what options say: names from a file, thresholds, limits, id and version', async () => {
    const file = join(dir, 'names.txt');
    await writeFile(file, 'hole\r\npart\r\n');
    const { out, exitCode, stdout } = await adopt(
      ultralytics(),
      ...['--layout', 'ultralytics', '--classes-file', file, '--score', '0.01', '--iou', '1', '--max-detections', '3'],
      ...['--id', 'parts', '--model-version', '2.0.0', '--size', '32x32'],
    );
    expect(exitCode).toBe(0);
    expect(stdout).toContain('2 classes: hole, part\nframes fitted into 32x32 px\n');
    const manifest = JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8'));
    expect(manifest).toMatchObject({ id: 'parts', version: '2.0.0', scoreThreshold: 0.01 });
    expect(manifest.outputs).toMatchObject({ nmsIou: 1, maxDetections: 3 });
    // At an IoU of 1 nothing is suppressed; predict asks for 0.05.
    expect((await predict(out)).map(([name, score]) => [name, score])).toEqual([
      ['part', 0.8],
      ['part', 0.7],
    ]);
  }, 60_000);

  it('takes a torchvision file with frames in their own size, 0..1, and leaves the background out', async () => {
    const outputs = torchvision.outputs.map((output) =>
      output.name === 'labels' || output.name === 'boxes'
        ? {
            ...output,
            shape: output.name === 'boxes' ? [1, 4] : [1],
            values: output.values.slice(0, output.name === 'boxes' ? 4 : 1),
          }
        : output,
    );
    const { out, stdout } = await adopt(
      { ...torchvision, outputs, brightest: 'scores' },
      ...['--layout', 'torchvision', ...names],
    );
    expect(stdout).toContain('frames in their own size');
    expect(await predict(out)).toEqual([['part', 0.2, 16, 8, 32, 16]]);
    expect(await averagePrecision(out)).toBeCloseTo(1, 9);
    const whole = await adopt(torchvision, '--layout', 'torchvision', ...names);
    expect(await predict(whole.out)).toEqual([['part', 0.6, 16, 8, 32, 16]]);
  }, 60_000);

  it('takes rows of YOLOv5 and final rows of an Ultralytics file with suppression inside', async () => {
    const row = [...partCxcywh, 0.9, 0.1, 0.5];
    const yolov5 = await adopt(
      { outputs: [{ name: 'output', shape: [1, 8, 7], values: Array.from({ length: 8 }, () => row).flat() }] },
      ...['--layout', 'yolov5', ...names],
    );
    expect(yolov5.stderr).toBe('');
    expect(await predict(yolov5.out)).toEqual([
      ['part', 0.45, 16, 8, 32, 16],
      ['hole', 0.09, 16, 8, 32, 16],
    ]);
    const final = await adopt(
      { outputs: [{ name: 'output0', shape: [1, 2, 6], values: [8, 12, 24, 20, 0.75, 1, 0, 0, 0, 0, 0, 0] }] },
      ...['--layout', 'ultralytics-nms', ...names],
    );
    expect(await predict(final.out)).toEqual([['part', 0.75, 16, 8, 32, 16]]);
  }, 60_000);

  it('takes any other file by a description of its inputs and outputs', async () => {
    const io = join(dir, 'io.yaml');
    await writeFile(
      io,
      [
        'input: { kind: image, name: data, layout: NHWC, color: BGR, elementType: uint8, networkSizeHw: [16, 32], fit: stretch }',
        'outputs: { kind: final, boxes: out_boxes, scores: out_scores, classes: out_classes, boxesIn: network }',
      ].join('\n'),
    );
    const { out, stderr, exitCode } = await adopt(
      {
        input: { name: 'data', type: 'uint8', dims: [1, 16, 32, 3] },
        outputs: [
          { name: 'out_boxes', shape: [1, 1, 4], values: [8, 4, 24, 12] },
          { name: 'out_scores', shape: [1, 1], values: [0.5] },
          { name: 'out_classes', type: 'int32', shape: [1, 1], values: [1] },
        ],
      },
      ...['--io', io, ...names],
    );
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(await predict(out)).toEqual([['part', 0.5, 16, 8, 32, 16]]);
    expect(await averagePrecision(out)).toBeCloseTo(1, 9);
  }, 60_000);
});

describe('plumbline quantize of an adopted model', () => {
  const quantize = (model: string, out: string, ...options: string[]) =>
    runPlumbline(
      ...['quantize', '--model', model, '--calibrate', data, '--gate-data', data, '--out', out, '--max-drop', '100'],
      ...options,
    );
  const types = async (file: string) => {
    const { node } = decodeModel(await readFile(file), file).graph;
    const integer = (name: string) =>
      node.some(({ op_type, output }) => op_type === 'DequantizeLinear' && output[0] === name);
    return node.filter(({ op_type }) => op_type === 'Conv').map(({ input }) => integer(input[1]!));
  };

  it('turns all but the last layers into integers, and the file is evaluated', async () => {
    const { out } = await adopt(smallDetector(), '--layout', 'ultralytics', ...names);
    const file = join(out, 'model.cpu-x64.onnx');
    const { exitCode, stdout, stderr } = await quantize(out, file, '--json');
    expect(stderr).not.toContain('PLB_');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ layers: 2, keptFloat: [], passed: true });
    expect(await types(file)).toEqual([true, true, false]);
    expect(await averagePrecision(file)).toBeCloseTo(await averagePrecision(out), 1);
    const again = await quantize(file, join(dir, 'again.onnx'));
    expect(again.stderr).toContain('PLB_DEPLOY_NOTHING_TO_QUANTIZE');
  }, 60_000);

  it('turns the nodes into integers that are asked for', async () => {
    const { out } = await adopt(smallDetector(), '--layout', 'ultralytics', ...names);
    const file = join(out, 'model.cpu-x64.onnx');
    expect((await quantize(out, file, '--exclude-nodes', '^/stem')).exitCode).toBe(0);
    expect(await types(file)).toEqual([false, true, false]);
    expect((await quantize(out, file, '--nodes', '^Conv$')).exitCode).toBe(0);
    expect(await types(file)).toEqual([true, true, true]);
    const none = await quantize(out, file, '--nodes', 'no such node');
    expect(none.stderr).toContain('PLB_DEPLOY_NOTHING_TO_QUANTIZE');
    const pattern = await quantize(out, file, '--exclude-nodes', '(');
    expect(pattern.stderr).toContain('--exclude-nodes is "("');
  }, 60_000);

  it('refuses an operator set without a step for each channel', async () => {
    const { out } = await adopt(smallDetector(12), '--layout', 'ultralytics', ...names);
    const { stderr, exitCode } = await quantize(out, join(out, 'old.onnx'));
    expect(stderr).toContain('PLB_DEPLOY_OPSET_TOO_OLD');
    expect(stderr).toContain('operator set 12');
    expect(exitCode).toBe(2);
  }, 60_000);
});

describe('plumbline model adopt refuses', () => {
  it('a layout that does not fit, with what it found and the layouts that do, and writes nothing', async () => {
    const table: ForeignModel = { outputs: [{ name: 'output0', shape: [1, 6, 40], values: new Array(240).fill(0) }] };
    const wrong = await adopt(table, '--layout', 'torchvision', ...names);
    expect(wrong.exitCode).toBe(2);
    expect(wrong.stderr).toContain(
      'PLB_DEPLOY_LAYOUT_MISFIT: ' +
        `${wrong.file} does not fit the layout torchvision: no output is float [N,4], the boxes; ` +
        'it takes "images" float [1,3,32,32] and returns "output0" float [1,6,40]; layouts that fit: ultralytics',
    );
    expect(existsSync(wrong.out)).toBe(false);
    const other = await adopt(torchvision, '--layout', 'yolov5', ...names);
    expect(other.stderr).toContain('3 axes, expected [1,3,H,W]');
    expect(other.stderr).toContain('layouts that fit: torchvision');
    const classes = await adopt(table, '--layout', 'ultralytics', '--classes', 'a,b,c');
    expect(classes.stderr).toContain('"output0" [1,6,40] has 2 classes, 3 are named');
    expect(classes.stderr).toContain('no other named layout fits');
  }, 60_000);

  it('what shows only when it runs: shapes that the file leaves open and classes beyond the named', async () => {
    const open = await adopt(
      ultralytics({
        outputs: [{ name: 'output0', shape: [1, 7, 40], values: new Array(280).fill(0), dims: [1, 'v', 'n'] }],
      }),
      ...['--layout', 'ultralytics', ...names],
    );
    expect(open.stderr).toContain('outputs are output0 float32 [1,7,40], expected a float table [1,6,N] for 2 classes');
    const beyond = await adopt(torchvision, '--layout', 'torchvision', '--classes', 'hole');
    expect(beyond.stderr).toContain('PLB_DEPLOY_LAYOUT_MISFIT');
    expect(beyond.stderr).toContain('it returns class 1, the manifest names 1');
    expect(existsSync(open.out) || existsSync(beyond.out)).toBe(false);
  }, 60_000);

  it('a description that names outputs that are not there', async () => {
    const io = join(dir, 'absent.json');
    const description = {
      input: { kind: 'image', name: 'images', layout: 'NCHW', networkSizeHw: [32, 32] },
      outputs: { kind: 'finalTable', table: 'dets' },
    };
    await writeFile(io, JSON.stringify(description));
    const { stderr } = await adopt(ultralytics(), '--io', io, ...names);
    expect(stderr).toContain(`does not fit the description in ${io}: output "dets" is absent (present: output0)`);
    await writeFile(io, JSON.stringify({ ...description, outputs: { kind: 'boxes' } }));
    expect((await adopt(ultralytics(), '--io', io, ...names)).stderr).toContain('PLB_CONFIG_INVALID');
  }, 60_000);

  it('a file without class names, one that is no model, and the folder of another model', async () => {
    const unnamed = await adopt(
      ultralytics({ outputs: [{ name: 'o', shape: [1, 6, 40], values: new Array(240).fill(0) }] }),
      '--layout',
      'ultralytics',
    );
    expect(unnamed.stderr).toContain('PLB_DEPLOY_CLASSES_UNKNOWN');
    expect(unnamed.stderr).toContain('the file does not name its 2 classes');
    const bytes = foreignModel(ultralytics());
    const cut = await adopt(bytes.subarray(0, bytes.length - 40), '--layout', 'ultralytics', ...names);
    expect(cut.stderr).toContain('PLB_RUNTIME_MODEL_UNREADABLE');
    const missing = await runPlumbline('model', 'adopt', join(dir, 'none.onnx'), '--layout', 'yolov5', '--out', dir);
    expect(missing.stderr).toContain('PLB_RUNTIME_MODEL_MISSING');
    const first = await adopt(ultralytics(), '--layout', 'ultralytics', ...names);
    const before = await readFile(join(first.out, 'manifest.json'), 'utf8');
    const second = await adopt(ultralytics(), '--layout', 'ultralytics', ...names, '--out', first.out);
    expect(second.stderr).toContain('PLB_DEPLOY_OTHER_MODEL');
    expect(await readFile(join(first.out, 'manifest.json'), 'utf8')).toBe(before);
    expect((await readdir(first.out)).sort()).toEqual(['manifest.json', 'model.onnx']);
  }, 60_000);

  it('options that contradict one another or would do nothing', async () => {
    const usage = async (...options: string[]) => {
      const { stderr, exitCode } = await adopt(ultralytics(), ...options);
      expect(exitCode).toBe(2);
      return stderr;
    };
    expect(await usage(...names)).toContain('--layout NAME or --io FILE');
    expect(await usage('--layout', 'torchvision', '--iou', '0.5')).toContain(
      '--iou and --max-detections with torchvision',
    );
    expect(await usage('--layout', 'yolov5', '--classes', 'a,,b')).toContain('a class without a name');
    expect(await usage('--layout', 'yolov5', ...names, '--classes-file', 'x')).toContain('are both given');
    expect(await usage('--io', 'x.yaml', '--size', '32x32')).toContain('--size with --io');
  }, 60_000);
});
