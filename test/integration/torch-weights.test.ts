import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSafetensors } from '@plumbline/core/safetensors';
import { readWeights, type WeightFile } from '@plumbline/train/weights';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runPlumbline } from '../fixtures/run-plumbline.js';

const fixtures = join(import.meta.dirname, '../fixtures/torch-weights');
const write = join(fixtures, 'write.py');
const python = '/usr/bin/python3';
const scratch = mkdtempSync(join(tmpdir(), 'plumbline-torch-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const hasTorch = (() => {
  try {
    execFileSync(python, ['-c', 'import torch, torchvision'], { stdio: 'ignore' });
    return true;
  } catch {
    console.log('skipped: files of the installed torch; `apt-get install python3-torch python3-torchvision` brings it');
    return false;
  }
})();

const refused = (what: RegExp) =>
  expect.objectContaining({ code: 'PLB_TRAIN_PTH_REFUSED', message: expect.stringMatching(what) });

describe.each(hasTorch ? ['the committed files', 'files of the installed torch'] : ['the committed files'])(
  '%s',
  (name) => {
    const dir = name === 'the committed files' ? fixtures : join(scratch, 'written');
    const target = join(scratch, 'was-run');

    beforeAll(() => {
      if (dir === fixtures) return;
      mkdirSync(dir);
      execFileSync(python, [write, dir, target]);
    }, 60_000);

    const check = ({ tensors }: WeightFile) => {
      const expected = JSON.parse(readFileSync(join(dir, 'expected.json'), 'utf8')).tensors;
      expect([...tensors.keys()]).toEqual(Object.keys(expected));
      for (const [key, { shape, values }] of Object.entries<{ shape: number[]; values: number[] }>(expected)) {
        const tensor = tensors.get(key)!;
        expect(tensor.shape, key).toEqual(shape);
        const isFloat = tensor.data instanceof Float32Array;
        expect(Array.from(tensor.data, Number), key).toEqual(isFloat ? values.map(Math.fround) : values);
      }
    };

    it.each(['plain.pth', 'legacy.pth', 'nested.pth', 'deep.pth'])('reads %s', async (file) => {
      const read = await readWeights(join(dir, file));
      check(read);
      expect(read.others).toEqual(file === 'deep.pth' ? ['epoch'] : []);
      expect(read.tensors.get('half')!.dtype).toBe('F32');
      expect(read.tensors.get('long')!.dtype).toBe('I64');
    });

    it.each(['malicious.pth', 'malicious-legacy.pth'])('refuses %s and runs nothing', async (file) => {
      await expect(readWeights(join(dir, file))).rejects.toEqual(refused(/asks for posix\.system/));
      expect(existsSync(target)).toBe(false);
      expect(existsSync('plumbline-was-here')).toBe(false);
    });

    it('refuses a whole module by the name of its class', async () => {
      await expect(readWeights(join(dir, 'whole-module.pth'))).rejects.toEqual(
        refused(/torch\.nn\.modules\.linear\.Linear/),
      );
    });
  },
);

describe.runIf(hasTorch)('plumbline model import', () => {
  const config = join(scratch, 'train.yaml');
  const backbone = join(scratch, 'resnet18.pth');

  beforeAll(() => {
    const model = 'fpn: { channels: 8 }, head: { fcChannels: 16 }';
    writeFileSync(config, `imageSizeHw: [64, 64]\nclasses: [a, b]\nmodel: { ${model} }\n`);
    const program = `import torch, torchvision; torch.save(torchvision.models.resnet18().state_dict(), ${JSON.stringify(backbone)})`;
    execFileSync(python, ['-c', program]);
  }, 60_000);

  const run = (...more: string[]) =>
    runPlumbline('model', 'import', '--from', backbone, '--config', config, '--layout', 'torchvision', ...more);

  it('refuses to leave a head as initialised without being asked', async () => {
    const out = join(scratch, 'whole');
    const { exitCode, stdout } = await run('--out', out, '--json');
    expect(exitCode).toBe(2);
    const { error } = JSON.parse(stdout);
    expect(error.code).toBe('PLB_TRAIN_WEIGHTS_MISMATCH');
    expect(error.message).toContain('neck.lateral_convs.0.weight is absent, expected [8,64,1,1]');
    expect(existsSync(out)).toBe(false);
  });

  it("loads a torchvision ResNet's own numbers as a backbone and lists the rest", async () => {
    const out = join(scratch, 'imported');
    const { exitCode, stdout } = await run('--out', out, '--partial', '--json');
    expect(exitCode).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.loaded).toHaveLength(100);
    const reasons = new Set(report.unused.map(({ reason }: { reason: string }) => reason));
    expect([...reasons].sort()).toEqual(['a counter of training', 'the classifier of ImageNet']);
    expect(report.missing.every(({ parameter }: { parameter: string }) => !parameter.startsWith('backbone.'))).toBe(
      true,
    );
    expect(report.missing.length).toBeGreaterThan(0);
    const ours = readSafetensors(readFileSync(join(out, 'weights.safetensors'))).tensors;
    const { tensors } = await readWeights(backbone);
    for (const key of ['conv1.weight', 'layer4.1.bn2.running_var', 'layer2.0.downsample.0.weight']) {
      const stored = tensors.get(key)!;
      expect(ours.get(`backbone.${key}`)!.shape).toEqual(stored.shape);
      expect(Buffer.compare(bytesOf(ours.get(`backbone.${key}`)!.data), bytesOf(stored.data)), key).toBe(0);
    }
    expect(JSON.parse(readFileSync(join(out, 'import.json'), 'utf8')).layout).toBe('torchvision');

    const again = await run('--out', out, '--partial', '--json');
    expect(JSON.parse(again.stdout).error.code).toBe('PLB_TRAIN_OUT_IN_USE');
  });

  const bytesOf = (data: ArrayBufferView) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
});
