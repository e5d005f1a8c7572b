import { existsSync, readdirSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeOneLayerModel } from '../fixtures/one-layer-model.js';
import { runPlumbline } from '../fixtures/run-plumbline.js';
import { demoBoards } from '../fixtures/tiny-training.js';

const nano = join(import.meta.dirname, '../../models/pcb-defects-nano');
const box = [8, 8, 24, 28];
let dir: string;
let blanks: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-quantize-'));
  const blank = sharp({ create: { width: 32, height: 32, channels: 3, background: '#808080' } });
  const annotations = { images: [] as object[], annotations: [] as object[], categories: [{ id: 1, name: 'part' }] };
  for (const id of [1, 2]) {
    await mkdir(join(dir, 'blanks', 'images'), { recursive: true });
    await blank
      .clone()
      .png()
      .toFile(join(dir, 'blanks', 'images', `${id}.png`));
    annotations.images.push({ id, file_name: `${id}.png`, width: 32, height: 32 });
    const bbox = [box[0], box[1], box[2]! - box[0]!, box[3]! - box[1]!];
    annotations.annotations.push({ id, image_id: id, category_id: 1, bbox, area: bbox[2]! * bbox[3]!, iscrowd: 0 });
  }
  await writeFile(join(dir, 'blanks', 'annotations.json'), JSON.stringify(annotations));
  blanks = `coco:${join(dir, 'blanks', 'annotations.json')}@${join(dir, 'blanks', 'images')}`;
});
afterAll(() => rm(dir, { recursive: true }));

function quantize(model: string, out: string, data: string, ...more: string[]) {
  return runPlumbline('quantize', '--model', model, '--calibrate', data, '--gate-data', data, '--out', out, ...more);
}

describe('plumbline quantize', () => {
  it('writes an 8-bit file into the folder of its model, which detects as well and is evaluated by its path', async () => {
    const model = join(dir, 'nano');
    await cp(nano, model, { recursive: true });
    const out = join(model, 'model.cpu-x64.onnx');
    const { exitCode, stdout, stderr } = await quantize(
      model,
      out,
      demoBoards,
      '--images',
      '8',
      '--max-drop',
      '2',
      '--json',
    );
    expect(stderr).not.toContain('PLB_');
    expect(exitCode).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({
      target: 'cpu-x64',
      method: 'minmax',
      images: 8,
      passed: true,
      keptFloat: [],
      harm: [],
    });
    expect(report.float.AP).toBeGreaterThan(0.5);
    expect(report.drop).toBeCloseTo(100 * (report.float.AP - report.int8.AP), 9);
    expect(Math.abs(report.drop)).toBeLessThan(2);
    expect(report.speedup).toBeGreaterThan(0);
    const manifest = JSON.parse(await readFile(join(model, 'manifest.json'), 'utf8'));
    expect(Object.keys(manifest.files).sort()).toEqual(['model.cpu-x64.onnx', 'model.onnx']);
    expect(manifest.files['model.cpu-x64.onnx']).toEqual({
      sha256: report.sha256,
      bytes: report.bytes,
      target: 'cpu-x64',
    });
    const evaluated = await runPlumbline('eval', '--model', out, '--data', demoBoards, '--json');
    expect(JSON.parse(evaluated.stdout).stats.AP).toBeCloseTo(report.int8.AP, 12);
    expect(JSON.parse(evaluated.stdout).model.sha256).toBe(report.sha256);

    const again = await quantize(out, join(dir, 'twice.onnx'), demoBoards);
    expect(again.stderr).toContain('PLB_DEPLOY_NOTHING_TO_QUANTIZE');
    expect(existsSync(join(dir, 'twice.onnx'))).toBe(false);
  }, 120_000);

  it('refuses a model that is worse than allowed with exit code 1 and writes no file', async () => {
    const model = join(dir, 'one-layer');
    writeOneLayerModel(model, 'part', box, 1e5);
    const out = join(dir, 'refused', 'model.onnx');
    const html = join(dir, 'reports', 'refused.html');
    const { exitCode, stdout, stderr } = await quantize(model, out, blanks, '--html', html, '--json');
    expect(stderr).toContain('PLB_DEPLOY_GATE_FAILED: the quantized model loses 100.00 AP, more than 0.5 are allowed');
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      passed: false,
      float: { AP: 1 },
      int8: { AP: 0 },
      drop: 100,
      speedup: null,
    });
    expect(existsSync(join(dir, 'refused'))).toBe(false);
    expect(await readFile(html, 'utf8')).toContain('refused: AP drops by 100.00 points');
  }, 60_000);

  it('lets the same model pass where the step is fine enough, with all-zero weights', async () => {
    const model = join(dir, 'fine');
    writeOneLayerModel(model, 'part', box, 32);
    const { exitCode, stdout } = await quantize(model, join(dir, 'fine-out'), blanks, '--max-drop', '100', '--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout).int8.AP).toBeGreaterThan(0.5);
    expect(readdirSync(join(dir, 'fine-out')).sort()).toEqual(['manifest.json', 'model.onnx']);
  }, 60_000);

  it('refuses the folder of another model and a place that cannot be written, and leaves nothing behind', async () => {
    const model = join(dir, 'again');
    writeOneLayerModel(model, 'part', box, 32);
    const other = join(dir, 'other');
    await cp(nano, other, { recursive: true });
    const intoOther = await quantize(model, join(other, 'model.cpu-x64.onnx'), blanks, '--max-drop', '100');
    expect(intoOther.stderr).toContain('PLB_DEPLOY_OTHER_MODEL');
    expect(readdirSync(other)).not.toContain('model.cpu-x64.onnx');
    await writeFile(join(dir, 'file'), '');
    const intoFile = await quantize(model, join(dir, 'file', 'model.onnx'), blanks, '--max-drop', '100');
    expect(intoFile.stderr).toContain('PLB_DEPLOY_WRITE_FAILED');
    expect(intoFile.exitCode).toBe(1);
  }, 60_000);

  it('says what is wrong with a truncated model, a missing model and an impossible limit', async () => {
    const model = join(dir, 'truncated');
    await cp(nano, model, { recursive: true });
    const bytes = await readFile(join(model, 'model.onnx'));
    await writeFile(join(model, 'model.onnx'), bytes.subarray(0, bytes.length / 2));
    expect((await quantize(model, join(dir, 'x.onnx'), demoBoards)).stderr).toContain(
      'PLB_RUNTIME_MODEL_HASH_MISMATCH',
    );
    expect((await quantize(join(dir, 'none'), join(dir, 'x.onnx'), demoBoards)).stderr).toContain(
      'PLB_RUNTIME_MANIFEST_MISSING',
    );
    const limit = await quantize(nano, join(dir, 'x.onnx'), demoBoards, '--max-drop', 'few');
    expect(limit.exitCode).toBe(2);
    expect(limit.stderr).toContain('--max-drop is "few"');
  }, 60_000);
});
