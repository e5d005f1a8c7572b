import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { openDataset, readImageRgb } from '@plumbline/data/dataset';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeConstantModel } from '../fixtures/constant-model.js';
import { runPlumbline } from '../fixtures/run-plumbline.js';
import { tinyConfig, writeRandomCheckpoint } from './random-checkpoint.js';

const root = join(import.meta.dirname, '../..');
const boards = join(root, 'firmware-configs/lines/demo/boards');
const spec = `deeppcb:${boards}`;
const tiny = join(root, 'test/golden/coco-eval/tiny');

let dir: string;
let model: string;

/** A model that knows the labels of the first board by heart. */
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-eval-'));
  model = join(dir, 'model');
  const { classes, samples } = await openDataset(spec);
  const { gtLabels, gtBoxesXyxy } = samples[0]!;
  const detections = Array.from(gtLabels, (classId, i) => {
    return { classId, score: 0.9 - i / 10, boxXyxy: [...gtBoxesXyxy.subarray(i * 4, i * 4 + 4)] };
  });
  writeConstantModel(model, [...classes], detections);
});
afterAll(() => rm(dir, { recursive: true }));

describe('plumbline eval', () => {
  it('measures two COCO files as pycocotools does', async () => {
    const { exitCode, stdout } = await runPlumbline(
      'eval',
      '--gt',
      join(tiny, 'gt.json'),
      '--dt',
      join(tiny, 'detections.json'),
      '--json',
    );
    const report = JSON.parse(stdout);
    const expected = JSON.parse(await readFile(join(tiny, 'expected.json'), 'utf8'));
    expect(exitCode).toBe(0);
    expect(report.protocol).toBe('coco');
    for (const [name, value] of Object.entries(expected.stats))
      expect(report.stats[name]).toBeCloseTo(value as number, 12);
    expect(report.perIou['0.50']).toBeCloseTo(expected.AP_per_iou[0], 12);
    expect(report.perClass.alpha).toBeCloseTo(expected.per_class[0].AP, 12);
  });

  it.each([
    ['voc07', ['AP', 'AP50', 'AP75', 'AP90']],
    ['voc10', ['AP', 'AP50', 'AP75', 'AP90']],
    ['mmdet-voc07', ['AP', 'AP50', 'AP75', 'AP90']],
    ['deeppcb', ['mAP', 'F', 'threshold', 'precision', 'recall']],
  ])('measures a model by the protocol %s', async (protocol, names) => {
    const args = ['--model', model, '--data', spec, '--limit', '1', '--protocol', protocol];
    const { exitCode, stdout } = await runPlumbline('eval', ...args, '--json');
    expect(exitCode).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.protocol).toBe(protocol);
    expect(Object.keys(report.stats)).toEqual(names);
    expect(report.stats[names[0]!]).toBeCloseTo(1, 12);
    expect(report.perClass.open).toBeCloseTo(1, 12);
    const text = await runPlumbline('eval', ...args);
    expect(text.stdout).toMatch(new RegExp(`${protocol}\\n  ${names[0]} +100\\.0\\n`));
  });

  it('takes other limits and areas for COCO', async () => {
    const files = ['--gt', join(tiny, 'gt.json'), '--dt', join(tiny, 'detections.json')];
    const grid = ['--max-dets', '1,100', '--area-ranges', 'tiny:0-256,rest:256-'];
    const { stdout } = await runPlumbline('eval', ...files, ...grid, '--json');
    const expected = JSON.parse(await readFile(join(tiny, 'expected.json'), 'utf8'));
    const { stats } = JSON.parse(stdout);
    expect(Object.keys(stats)).toEqual([
      'AP',
      'AP50',
      'AP75',
      'AP_tiny',
      'AP_rest',
      'AR1',
      'AR100',
      'AR_tiny',
      'AR_rest',
    ]);
    expect(stats.AP).toBeCloseTo(expected.stats.AP, 12);
    expect(stats.AR1).toBeCloseTo(expected.stats.AR1, 12);
  });

  it('counts and leaves out bad rows with --lenient', async () => {
    const rows = JSON.parse(await readFile(join(tiny, 'detections.json'), 'utf8'));
    const file = join(dir, 'some-bad.json');
    await writeFile(file, JSON.stringify([...rows, { ...rows[0], image_id: 987 }, { ...rows[0], score: 'high' }]));
    const args = ['eval', '--gt', join(tiny, 'gt.json'), '--dt', file, '--json'];
    expect((await runPlumbline(...args)).exitCode).toBe(2);
    const { exitCode, stdout, stderr } = await runPlumbline(...args, '--lenient');
    expect(exitCode).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.skipped).toEqual({ PLB_DATA_COCO_UNKNOWN_ID: 1, PLB_DATA_COCO_SHAPE: 1 });
    const expected = JSON.parse(await readFile(join(tiny, 'expected.json'), 'utf8'));
    expect(report.stats.AP).toBeCloseTo(expected.stats.AP, 12);
    expect(stderr).toContain(`${file}:1:`);
  });

  it('measures a model on the first images of a dataset and writes its detections', async () => {
    const out = join(dir, 'nested', 'dt.json');
    const { exitCode, stdout } = await runPlumbline(
      'eval',
      '--model',
      model,
      '--data',
      spec,
      '--limit',
      '1',
      '--dt-out',
      out,
      '--json',
    );
    expect(exitCode).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.images).toBe(1);
    expect(report.stats.AP).toBeCloseTo(1, 12);
    expect(report.imagesPerSecond).toBeGreaterThan(0);
    expect(report.model).toMatchObject({ id: 'constant', version: '1.0.0', executionProvider: 'cpu' });
    const detections = JSON.parse(await readFile(out, 'utf8'));
    const first = (await readFile(join(boards, 'labels', '00041015.txt'), 'utf8'))
      .split('\n')[0]!
      .trim()
      .split(/\s+/)
      .map(Number);
    const [x1, y1, x2, y2, type] = first as [number, number, number, number, number];
    expect(detections).toHaveLength(5);
    expect(detections[0]).toEqual({
      image_id: 1,
      category_id: type,
      bbox: [x1, y1, x2 - x1, y2 - y1],
      score: Math.fround(0.9),
    });
  });

  it('takes the .onnx of a model folder as the model', async () => {
    const { exitCode, stdout } = await runPlumbline(
      'eval',
      '--model',
      join(model, 'model.onnx'),
      '--data',
      spec,
      '--limit',
      '2',
      '--json',
    );
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout).stats.AP).toBeLessThan(1);
  });

  it('measures a checkpoint with the training engine', async () => {
    const { classes } = await openDataset(spec);
    const checkpoint = join(dir, 'run', 'checkpoint');
    writeRandomCheckpoint(checkpoint, tinyConfig, classes);
    // A cache without a TensorFlow in it: the engine that needs no set-up runs everywhere.
    process.env.PLUMBLINE_CACHE = join(dir, 'cache');
    const { exitCode, stdout } = await runPlumbline(
      'eval',
      '--model',
      join(dir, 'run'),
      '--data',
      spec,
      '--limit',
      '1',
      '--json',
    );
    expect(exitCode).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.model).toMatchObject({ kind: 'checkpoint', runId: 'random', step: 0, engine: 'wasm' });
    expect(report.stats.AP).toBeGreaterThanOrEqual(0);
    expect(report.stats.AP).toBeLessThan(0.2);
  });

  it.each([
    ['no arguments', [], 'what to evaluate is not clear'],
    ['files and a model', ['--gt', 'a', '--dt', 'b', '--model', 'c'], 'what to evaluate is not clear'],
    ['an unknown protocol', ['--gt', 'a', '--dt', 'b', '--protocol', 'voc'], '--protocol is "voc"; accepted: coco'],
    [
      'a limit of 0',
      ['--model', 'a', '--data', spec, '--limit', '0'],
      '--limit is "0"; accepted: a whole number from 1',
    ],
    [
      'a limit for files',
      ['--gt', 'a', '--dt', 'b', '--limit', '3'],
      '--limit, --dt-out and --providers belong to --model',
    ],
    ['an unknown protocol', ['--gt', 'a', '--dt', 'b', '--protocol', 'voc12'], 'accepted: coco, voc07, voc10'],
    ['limits that fall', ['--gt', 'a', '--dt', 'b', '--max-dets', '10,1'], 'ascending whole numbers from 1'],
    ['an area without a range', ['--gt', 'a', '--dt', 'b', '--area-ranges', 'tiny:9'], '--area-ranges has "tiny:9"'],
    [
      'limits for another protocol',
      ['--gt', 'a', '--dt', 'b', '--protocol', 'voc07', '--max-dets', '1'],
      'belong to --protocol coco',
    ],
    [
      'a reading that DeepPCB does not have',
      ['--gt', 'a', '--dt', 'b', '--protocol', 'deeppcb', '--deeppcb-reading', 'paper'],
      'accepted: readme, script',
    ],
    ['lenience for a model', ['--model', 'a', '--data', 'b', '--lenient'], '--lenient belongs to --gt and --dt'],
    ['a model that is not there', ['--model', 'nowhere', '--data', spec], 'nowhere: there is no such model'],
    [
      'a folder without a model',
      ['--model', tiny, '--data', spec],
      `${tiny}: this is no model; accepted: a model folder`,
    ],
  ])('refuses %s with exit code 2', async (_, args, message) => {
    const { exitCode, stderr } = await runPlumbline('eval', ...args);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('PLB_CLI_USAGE');
    expect(stderr).toContain(message);
  });

  it('names a file that it cannot write, with a code', async () => {
    const taken = join(dir, 'taken');
    await writeFile(taken, 'a file');
    for (const flag of ['--dt-out', '--html']) {
      const out = join(taken, 'out');
      const { exitCode, stderr } = await runPlumbline('eval', '--model', model, '--data', spec, flag, out);
      expect(stderr).toContain(`PLB_CLI_WRITE_FAILED: ${out}: cannot be written (`);
      expect(exitCode).toBe(1);
    }
    expect(await readFile(taken, 'utf8')).toBe('a file');
  });

  it('prints a bad file as a coded JSON document', async () => {
    const bad = join(dir, 'bad.json');
    await writeFile(bad, '[{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "score": NaN}]');
    const { exitCode, stdout } = await runPlumbline('eval', '--gt', join(tiny, 'gt.json'), '--dt', bad, '--json');
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout).error).toMatchObject({
      code: 'PLB_DATA_JSON_SYNTAX',
      message: expect.stringContaining(`${bad}:1:67:`),
    });
  });
});

describe('plumbline predict', () => {
  it('writes detections with file names and pictures with the boxes drawn', async () => {
    const [out, drawn] = [join(dir, 'found.json'), join(dir, 'drawn')];
    const images = ['00041015', '13000055'].map((stem) => join(boards, 'images', `${stem}.jpg`));
    const { exitCode, stdout } = await runPlumbline(
      'predict',
      '--model',
      model,
      '--images',
      ...images,
      '--out',
      out,
      '--score',
      '0.65',
      '--draw',
      drawn,
      '--json',
    );
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ images: 2, detections: 6, failed: [] });
    const predictions = JSON.parse(await readFile(out, 'utf8'));
    expect(predictions.map((p: { file_name: string }) => p.file_name)).toEqual(
      [0, 0, 0, 1, 1, 1].map((i) => images[i]),
    );
    expect(predictions[0]).toMatchObject({
      image_id: 1,
      category_id: expect.any(Number),
      category_name: expect.any(String),
    });

    const before = await readImageRgb(images[0]!);
    const after = await readImageRgb(join(drawn, '00041015.png'));
    expect([after.width, after.height]).toEqual([before.width, before.height]);
    const [x, y, width] = predictions[0].bbox as [number, number, number, number];
    const top = (Math.round(y) * before.width + Math.round(x + width / 2)) * 3;
    const [r, g, b] = after.data.subarray(top, top + 3);
    expect(r === g && g === b, 'the edge of the first box is in colour').toBe(false);
  });

  it('goes on after a corrupt image, counts it and ends with exit code 1', async () => {
    const folder = join(dir, 'images');
    await cp(join(boards, 'images', '00041015.jpg'), join(folder, 'a.jpg'));
    await writeFile(join(folder, 'b.jpg'), (await readFile(join(folder, 'a.jpg'))).subarray(0, 5000));
    await cp(join(folder, 'a.jpg'), join(folder, 'c.jpg'));
    const out = join(dir, 'partly.json');
    const missing = join(dir, 'missing.jpg');
    const { exitCode, stdout, stderr } = await runPlumbline(
      'predict',
      '--model',
      model,
      '--images',
      folder,
      missing,
      '--out',
      out,
      '--json',
    );
    expect(exitCode).toBe(1);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ images: 2, detections: 10 });
    expect(report.failed.map((failure: { file: string }) => failure.file)).toEqual([join(folder, 'b.jpg'), missing]);
    expect(report.failed[0].code).toBe('PLB_DATA_IMAGE_UNREADABLE');
    expect(stderr).toContain(join(folder, 'b.jpg'));
    const ids = JSON.parse(await readFile(out, 'utf8')).map((p: { image_id: number }) => p.image_id);
    expect(new Set(ids)).toEqual(new Set([1, 3]));
  });

  it.each([
    ['a score that is no number', ['--score', 'high'], '--score is "high"; accepted: a number from 0 to 1'],
    ['a score below what the model returns', ['--score', '0.001'], 'accepted: 0.01 to 1'],
  ])('refuses %s', async (_, args, message) => {
    const out = join(dir, 'never.json');
    const { exitCode, stderr } = await runPlumbline(
      'predict',
      '--model',
      model,
      '--images',
      join(boards, 'images'),
      '--out',
      out,
      ...args,
    );
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
    expect(existsSync(out)).toBe(false);
  });

  it('refuses a folder without images', async () => {
    const { exitCode, stderr } = await runPlumbline(
      'predict',
      '--model',
      model,
      '--images',
      join(boards, 'labels'),
      '--out',
      join(dir, 'x.json'),
    );
    expect(exitCode).toBe(2);
    expect(stderr).toContain('there is no image in this folder');
  });
});

describe('plumbline dataset inspect', () => {
  it('counts the shipped boards', async () => {
    const { exitCode, stdout } = await runPlumbline('dataset', 'inspect', spec, '--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ images: 24, boxes: 150, problems: [] });
  });

  it('lists problems as file:line and ends with exit code 2', async () => {
    const copy = join(dir, 'boards');
    await cp(boards, copy, { recursive: true });
    await writeFile(join(copy, 'labels', '00041015.txt'), '1 2 3 4 5\n1 2 3\n');
    const { exitCode, stdout } = await runPlumbline('dataset', 'inspect', `deeppcb:${copy}#all`);
    expect(exitCode).toBe(2);
    expect(stdout).toContain('1 problem\n');
    expect(stdout).toContain(`PLB_DATA_LABEL_FIELDS: ${join(copy, 'labels', '00041015.txt')}:2:1: 3 fields`);
  });

  it('writes a report on two files beside the JSON output, with pictures from --images', async () => {
    const html = join(dir, 'reports', 'report.html');
    const { samples, classes } = await openDataset(spec);
    const sample = samples[0]!;
    const [x1, y1, x2, y2] = sample.gtBoxesXyxy as unknown as [number, number, number, number];
    const bbox = [x1, y1, x2 - x1, y2 - y1];
    const area = (x2 - x1) * (y2 - y1);
    const gt = join(dir, 'named-gt.json');
    const annotations = [{ id: 1, image_id: 1, category_id: 1, bbox, area, iscrowd: 0 }];
    const images = [{ id: 1, file_name: basename(sample.file) }];
    await writeFile(gt, JSON.stringify({ images, categories: [{ id: 1, name: classes[0] }], annotations }));
    const dt = join(dir, 'none.json');
    await writeFile(dt, '[]');
    const shared = ['eval', '--gt', gt, '--dt', dt, '--html', html, '--images', dirname(sample.file), '--json'];
    const alone = await runPlumbline(...shared, '--score', '0.3');
    expect(alone.exitCode).toBe(0);
    expect(JSON.parse(alone.stdout).stats.AP).toBe(0);
    const page = await readFile(html, 'utf8');
    expect(page).toContain('At score 0.30 the model finds 0 of 1 defect ');
    expect(page.match(/<image /g)).toHaveLength(1);
    const found = join(dir, 'found.json');
    await writeFile(found, JSON.stringify([{ image_id: 1, category_id: 1, bbox, score: 0.9 }]));
    expect((await runPlumbline(...shared, '--compare', found)).exitCode).toBe(0);
    expect(await readFile(html, 'utf8')).toContain('both are right on 0, only A on 0, only B on 1, neither on 0');

    await writeFile(gt, JSON.stringify({ images: [{ id: 1 }], categories: [{ id: 1, name: 'a' }], annotations }));
    const nameless = await runPlumbline(...shared);
    expect(nameless.exitCode).toBe(2);
    expect(nameless.stderr).toContain(`${gt}:1:12`);
    expect(nameless.stderr).toContain('images[0].file_name is missing');
  });

  it.each([
    [['--score', '0.3'], '--images, --compare and --score belong to the report'],
    [['--html', 'r.html', '--score', '2'], '--score is "2"'],
    [['--html', 'r.html', '--images', 'no-such-folder'], '--images is "no-such-folder"'],
    [['--html', 'r.html', '--compare', 'models/pcb-defects-nano'], 'a COCO results file (.json)'],
  ])('refuses %j before it evaluates', async (options, message) => {
    const files = ['--gt', join(tiny, 'gt.json'), '--dt', join(tiny, 'detections.json')];
    const { exitCode, stderr } = await runPlumbline('eval', ...files, ...options);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
  });
});
