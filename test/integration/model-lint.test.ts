import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset } from '@plumbline/data/dataset';
import { type Finding, lintRules } from '@plumbline/deploy/lint';
import { calibrateQuantizer, calibrationImages, targetSettings } from '@plumbline/deploy/quantize';
import { foldConstants } from '@plumbline/runtime/session';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frameInput } from '../fixtures/frame-input.js';
import { runPlumbline } from '../fixtures/run-plumbline.js';
import { demoBoards } from '../fixtures/tiny-training.js';

const modelPath = join(import.meta.dirname, '../../models/pcb-defects-nano/model.onnx');
let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'plumbline-lint-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

async function lint(...args: string[]) {
  const { exitCode, stdout } = await runPlumbline('model', 'lint', ...args, '--json');
  const report = JSON.parse(stdout);
  const rules: Record<string, number> = {};
  for (const { severity, rule } of report.findings as Finding[]) {
    rules[`${severity} ${rule}`] = (rules[`${severity} ${rule}`] ?? 0) + 1;
  }
  return { exitCode, report, rules };
}

/** Of the shipped model with TensorRT 10.3, in floats and in integers. */
const ofAnyForm = {
  'note double': 4,
  'slow nms-slow': 2,
  'note topk-dynamic-k': 1,
  'note symbolic-output': 4,
  'note data-dependent-size': 17,
  'note resize-sizes': 1,
};

describe('plumbline model lint', () => {
  it('refuses the shipped portable model as one engine for its open sizes and names what else TensorRT 10.3 makes of it', async () => {
    const { exitCode, report, rules } = await lint(modelPath, '--tensorrt', '10.3');
    expect(exitCode).toBe(1);
    expect(rules).toEqual({
      'refused symbolic-input': 1,
      // Bytes are turned before they are cast.
      'refused uint8-input': 1,
      'refused uint8-inside': 1,
      ...ofAnyForm,
    });
    expect(report).toMatchObject({ model: modelPath, tensorrt: '10.3', through: 'engine', onHardware: false });
    expect(report.counts).toEqual({ refused: 3, outside: 0, slow: 2, note: 27 });
    const slow = report.findings.filter(({ severity }: Finding) => severity === 'slow');
    expect(slow.map(({ node, op }: Finding) => [node, op])).toEqual([
      ['rpn_head.nms', 'NonMaxSuppression'],
      ['detections.nms', 'NonMaxSuppression'],
    ]);
  });

  it('refuses nothing of it through ONNX Runtime, which builds engines for the sizes that come', async () => {
    const { exitCode, rules } = await lint(join(modelPath, '..'), '--through', 'onnxruntime');
    expect(exitCode).toBe(0);
    expect(rules).toMatchObject({ 'slow symbolic-input-profile': 1, 'note excluded-by-default': 29 });
    expect(Object.keys(rules).filter((rule) => /refused|outside/.test(rule))).toEqual([
      'outside uint8-input',
      'outside uint8-inside',
    ]);
  });

  it('refuses the integers of a processor: uint8, zero points other than 0, int32 biases', async () => {
    const { samples } = await openDataset(demoBoards);
    const quantizer = await calibrateQuantizer(
      await foldConstants(modelPath),
      modelPath,
      calibrationImages(samples.slice(0, 2)),
      { method: 'minmax', settings: targetSettings('cpu-x64', false, 17), input: frameInput },
    );
    const file = join(dir, 'cpu-x64.onnx');
    writeFileSync(file, quantizer.encode(quantizer.without(new Set())));
    const { exitCode, report, rules } = await lint(file, '--tensorrt', '10.3');
    expect(exitCode).toBe(1);
    expect(rules).toEqual({
      ...ofAnyForm,
      'refused symbolic-input': 1,
      // ONNX Runtime writes reduction "none" when it folds constants.
      'refused scatter-reduction': 6,
      'refused qdq-uint8': 115,
      'refused qdq-zero-point': 55,
      'refused qdq-int32': 38,
      'refused uint8-input': 1,
      'refused uint8-inside': 23,
      'slow qdq-pair': 8,
      'slow qdq-residual': 10,
      'slow qdq-float32-rest': 1,
    });
    const biases = report.findings.filter(({ rule }: Finding) => rule === 'qdq-int32');
    expect(biases[0]).toMatchObject({ op: 'DequantizeLinear', node: expect.stringMatching(/bias/) });
  }, 60_000);

  it('prints the findings grouped by rule, each message with its nodes, and says that nothing ran on hardware', async () => {
    const { stdout } = await runPlumbline('model', 'lint', modelPath);
    expect(stdout).toMatch(/^.*model\.onnx with TensorRT 10\.3 as one engine: 3 refused, .*\(not run on hardware\)\n/);
    expect(stdout).toContain('\nslow\n  nms-slow: 2  (NVIDIA/TensorRT#4248');
    expect(stdout).toContain('    rpn_head.nms, detections.nms\n');
    const help = await runPlumbline('model', 'lint', '--help');
    expect(help.stdout.replace(/\s+/g, ' ')).toContain('not run on hardware');
  });

  it('has its rules in the guide, with severity and no other rule', () => {
    const guide = readFileSync(join(import.meta.dirname, '../../docs/guides/tensorrt-lint.md'), 'utf8');
    const rows = [...guide.matchAll(/^\| `([a-z0-9-]+)` \| ([a-z]+)/gm)].map(([, id, severity]) => `${id} ${severity}`);
    expect(rows).toEqual(lintRules.map(({ id, severity }) => `${id} ${severity}`));
  });

  it('names a file that is missing or no model with a code', async () => {
    const missing = await runPlumbline('model', 'lint', join(dir, 'none.onnx'));
    expect(missing.stderr).toContain('PLB_RUNTIME_MODEL_MISSING');
    expect(missing.exitCode).toBe(2);
    writeFileSync(join(dir, 'text.onnx'), 'no model');
    const text = await runPlumbline('model', 'lint', join(dir, 'text.onnx'));
    expect(text.stderr).toContain(`PLB_RUNTIME_MODEL_UNREADABLE: ${join(dir, 'text.onnx')}`);
  });
});
