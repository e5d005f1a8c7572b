import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trainConfigSchema } from '@plumbline/contract';
import { createRandom } from '@plumbline/core/random';
import { readSafetensors, writeSafetensors } from '@plumbline/core/safetensors';
import { type Dataset, readImageRgb } from '@plumbline/data/dataset';
import { BatchLoader } from '@plumbline/data/loader';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadEngine } from '../engines/index.js';
import { createDetectorModel, type DetectorModel, detectImage } from '../model/index.js';
import { loadWeights, readCheckpointHeader } from './checkpoint.js';
import { learningRateAt } from './schedule.js';
import { Sgd } from './sgd.js';
import { trainStep } from './train-step.js';
import { type StepMetrics, train } from './trainer.js';

const config = trainConfigSchema.parse({
  imageSizeHw: [64, 64],
  model: {
    backbone: { blocks: [1, 1, 1, 1], width: 4 },
    fpn: { channels: 8 },
    head: { fcChannels: 16 },
    anchors: { scale: 4 },
    regressors: 2,
  },
  proposals: { trainPreNms: 100, trainPostNms: 50, testPreNms: 50, testPostNms: 20 },
  sampling: { rpnPerImage: 32, roisPerImage: 32 },
  schedule: { epochs: 2, batchSize: 2, learningRate: 0.01, warmupSteps: 2, checkpointEverySteps: 100 },
});
const folder = mkdtempSync(join(tmpdir(), 'plumbline-train-'));
let dataset: Dataset;

/** Grey noise with bright rectangles of two classes; image 3 shows none. */
beforeAll(async () => {
  await loadEngine('wasm');
  const random = createRandom(5);
  const samples = await Promise.all(
    [1, 2, 3, 4].map(async (imageId) => {
      const data = Uint8Array.from({ length: 64 * 64 * 3 }, () => random.int(60));
      const count = imageId === 3 ? 0 : 2;
      const boxes: number[] = [];
      for (let i = 0; i < count; i++) {
        const [x, y] = [4 + 30 * i, 4 + random.int(30)];
        for (let row = y; row < y + 20; row++) data.fill(255, 3 * (64 * row + x), 3 * (64 * row + x + 20));
        boxes.push(x, y, x + 20, y + 20);
      }
      const file = join(folder, `${imageId}.png`);
      await sharp(data, { raw: { width: 64, height: 64, channels: 3 } })
        .png()
        .toFile(file);
      const gtLabels = Int32Array.from({ length: count }, (_, i) => i);
      return {
        imageId,
        stem: String(imageId),
        file,
        width: 64,
        height: 64,
        gtBoxesXyxy: Float64Array.from(boxes),
        gtLabels,
      };
    }),
  );
  dataset = { name: 'rectangles', classes: ['left', 'right'], samples };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const out = (name: string) => join(folder, name);
const weights = (name: string) => readFileSync(join(out(name), 'checkpoint', 'weights.safetensors'));

describe('train', () => {
  it('lowers the loss, images without ground truth included, and resumes bit for bit', async () => {
    const losses: number[] = [];
    const whole = await train({ config, dataset, outDir: out('whole'), onStep: (m) => losses.push(m.loss.total!) });
    expect(whole).toMatchObject({ steps: 4, totalSteps: 4, stopped: false });
    expect(losses.every((loss) => Number.isFinite(loss) && loss > 0)).toBe(true);
    expect(losses.at(-1)!).toBeLessThan(losses[0]!);

    const part = await train({ config, dataset, outDir: out('parts'), maxSteps: 2 });
    expect(part.steps).toBe(2);
    await train({ config, dataset, outDir: out('parts'), resume: true });
    expect(weights('parts').equals(weights('whole'))).toBe(true);
    const lines = readFileSync(join(out('parts'), 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n');
    expect(lines.map((line) => JSON.parse(line).step)).toEqual([1, 2, 3, 4]);
    expect(Object.keys(JSON.parse(lines[0]!).loss)).toEqual([
      'rpn.objectness',
      'rpn.box',
      'cls',
      'reg.1',
      'reg.2',
      'total',
    ]);
  }, 120_000);

  it('begins with the weights of another checkpoint when asked to', async () => {
    const first = await train({ config, dataset, outDir: out('source'), maxSteps: 1 });
    const options = { config: { ...config, seed: 7 }, dataset, maxSteps: 0, initialWeights: out('source') };
    const { steps } = await train({ ...options, outDir: out('initialised') });
    expect(first.steps).toBe(1);
    expect(steps).toBe(0);
    expect(weights('initialised').equals(weights('source'))).toBe(true);
    const absent = train({ ...options, outDir: out('absent'), initialWeights: join(folder, 'nowhere') });
    await expect(absent).rejects.toMatchObject({ code: 'PLB_TRAIN_CHECKPOINT_INVALID' });
  });

  it('trains the Faster R-CNN baseline', async () => {
    const model = {
      ...config.model,
      kind: 'faster' as const,
      regressors: 1,
      head: { ...config.model.head, shared: true },
    };
    const result = await train({ config: { ...config, model }, dataset, outDir: out('faster'), maxSteps: 1 });
    expect(Object.keys(result.loss)).toContain('reg.1');
    expect(Object.keys(result.loss)).not.toContain('reg.2');
  }, 60_000);

  it('takes the mean gradient of accumulated batches', async () => {
    const plain = { ...config.schedule, learningRate: 0.01, warmupSteps: 0, momentum: 0, weightDecay: 0 };
    const schedule = { ...plain, clipGradientNorm: null, decay: 'constant' as const };
    const accumulating = { ...config, schedule: { ...schedule, batchSize: 2, accumulateBatches: 2 } };
    const steps: StepMetrics[] = [];
    const options = {
      config: accumulating,
      dataset,
      outDir: out('accumulated'),
      onStep: (m: StepMetrics) => steps.push(m),
    };
    const result = await train(options);
    expect(result).toMatchObject({ steps: 2, totalSteps: 2, epochs: 2 });
    expect(steps.map(({ epoch }) => epoch)).toEqual([1, 2]);

    // The step again by hand: the change is the mean of the changes that each batch alone would make.
    const loader = new BatchLoader(dataset, { ...accumulating, classes: [...dataset.classes] });
    const batches = [await loader.batch(0), await loader.batch(1)];
    await loader.close();
    const change = async (used: typeof batches) => {
      const model = createDetectorModel(accumulating, dataset.classes);
      const weight = model.parameters.find(({ name }) => name === 'neck.lateral_convs.0.weight')!.variable;
      const before = await weight.data();
      // Always the first rows: what is sampled must not depend on the batches before.
      const first = (count: number, wanted: number) => Array.from({ length: Math.min(count, wanted) }, (_, i) => i);
      await trainStep(model, new Sgd(model.parameters, schedule), used, 0.01, first as never);
      return Array.from(await weight.data(), (value, i) => value - before[i]!);
    };
    const [one, other, both] = [await change([batches[0]!]), await change([batches[1]!]), await change(batches)];
    expect(both.some((value) => Math.abs(value) > 1e-6)).toBe(true);
    both.forEach((value, i) => expect(value).toBeCloseTo((one[i]! + other[i]!) / 2, 6));
  }, 120_000);

  it('keeps a moving average of the weights for use, and resumes both bit for bit', async () => {
    const averaged = { ...config, schedule: { ...config.schedule, averageDecay: 0.5 } };
    const seen: number[][] = [];
    const first = (model: DetectorModel) => [...model.parameters[0]!.variable.dataSync()];
    const validation = { everyEpochs: 1, patience: null };
    const validate = async (model: DetectorModel) => {
      seen.push(first(model));
      return seen.length / 10;
    };
    const whole = await train({ config: { ...averaged, validation }, dataset, outDir: out('averaged'), validate });
    expect(seen).toHaveLength(2);
    expect(first(whole.model)).toEqual(seen[1]);
    const stored = (run: string, folder: string, file: string) => readFileSync(join(out(run), folder, file));
    const used = readSafetensors(stored('averaged', 'checkpoint', 'weights.safetensors'), 'file');
    const training = readSafetensors(stored('averaged', 'checkpoint', 'training-weights.safetensors'), 'file');
    expect(stored('averaged', 'checkpoint-best', 'weights.safetensors')).toEqual(
      stored('averaged', 'checkpoint', 'weights.safetensors'),
    );
    // The weights themselves go as they go without an average.
    expect(stored('averaged', 'checkpoint', 'training-weights.safetensors')).toEqual(weights('whole'));
    expect([...used.tensors.keys()]).toEqual([...training.tensors.keys()]);
    expect([...used.tensors.get('rpn_head.rpn_conv.weight')!.data]).not.toEqual([
      ...training.tensors.get('rpn_head.rpn_conv.weight')!.data,
    ]);

    await train({ config: averaged, dataset, outDir: out('averaged-parts'), maxSteps: 3 });
    await train({ config: averaged, dataset, outDir: out('averaged-parts'), resume: true });
    for (const file of ['weights.safetensors', 'training-weights.safetensors', 'optimizer.safetensors'])
      expect(stored('averaged-parts', 'checkpoint', file).equals(stored('averaged', 'checkpoint', file))).toBe(true);
  }, 120_000);

  it('changes nothing when somebody looks at the model between steps', async () => {
    const seen: number[] = [];
    const image = await readImageRgb(dataset.samples[0]!.file);
    const look = async (model: DetectorModel, step: number) => {
      expect(await detectImage(model, image, 0)).not.toHaveLength(0);
      seen.push(step);
    };
    await train({ config, dataset, outDir: out('watched'), inspect: { isDue: () => seen.length < 3, look } });
    expect(seen).toEqual([1, 2, 3]);
    expect(weights('watched').equals(weights('whole'))).toBe(true);
  }, 60_000);

  it('stops on a signal with a checkpoint', async () => {
    const controller = new AbortController();
    const result = await train({
      config,
      dataset,
      outDir: out('stopped'),
      signal: controller.signal,
      onStep: () => controller.abort(),
    });
    expect(result).toMatchObject({ steps: 1, stopped: true });
    expect(readCheckpointHeader(out('stopped')).header.step).toBe(1);
  }, 60_000);

  it('finds the previous checkpoint when a kill fell between the two renames', () => {
    cpSync(join(out('stopped'), 'checkpoint'), join(out('between'), 'checkpoint.old'), { recursive: true });
    expect(readCheckpointHeader(out('between')).header.step).toBe(1);
  });

  it('refuses to overwrite a run, and to resume it with other settings', async () => {
    await expect(train({ config, dataset, outDir: out('stopped') })).rejects.toMatchObject({
      code: 'PLB_TRAIN_OUT_IN_USE',
    });
    const other = { ...config, seed: 99 };
    await expect(train({ config: other, dataset, outDir: out('stopped'), resume: true })).rejects.toMatchObject({
      code: 'PLB_TRAIN_CONFIG_CHANGED',
      params: { keys: 'seed' },
    });
  });

  it('stops at a loss that is no number and names step and images', async () => {
    const schedule = { ...config.schedule, learningRate: 1e30, warmupSteps: 0, clipGradientNorm: null };
    await expect(train({ config: { ...config, schedule }, dataset, outDir: out('diverged') })).rejects.toMatchObject({
      code: 'PLB_TRAIN_DIVERGED',
      params: { imageIds: expect.stringMatching(/^\d+, \d+$/) },
    });
  }, 60_000);

  it.each([
    ['no area', Float64Array.of(5, 5, 5, 9), 0],
    ['outside', Float64Array.of(5, 5, 70, 9), 0],
    ['class id 7', Float64Array.of(5, 5, 9, 9), 7],
    ['not a number', Float64Array.of(Number.NaN, 5, 9, 9), 0],
  ])('refuses ground truth before the first step: %s', async (problem, gtBoxesXyxy, label) => {
    const samples = [{ ...dataset.samples[0]!, gtBoxesXyxy, gtLabels: Int32Array.of(label) }];
    const attempt = train({ config, dataset: { ...dataset, samples }, outDir: out('bad') });
    await expect(attempt).rejects.toMatchObject({
      code: 'PLB_TRAIN_BAD_GROUND_TRUTH',
      params: { image: samples[0]!.file, row: 1, problem: expect.stringContaining(problem) },
    });
  });
});

describe('checkpoints', () => {
  it('name a weight that does not fit and load nothing', () => {
    const wide = createDetectorModel({ ...config, model: { ...config.model, fpn: { channels: 16 } } }, dataset.classes);
    expect(() => loadWeights(join(out('whole'), 'checkpoint'), wide)).toThrowError(
      expect.objectContaining({
        code: 'PLB_TRAIN_WEIGHTS_MISMATCH',
        params: expect.objectContaining({
          key: 'neck.lateral_convs.0.weight',
          actual: '[8,4,1,1]',
          expected: '[16,4,1,1]',
        }),
      }),
    );
  });

  it('are refused when absent, of another schema, or with unknown weights', () => {
    expect(() => readCheckpointHeader(out('nowhere'))).toThrowError(
      expect.objectContaining({ code: 'PLB_TRAIN_CHECKPOINT_INVALID' }),
    );
    cpSync(join(out('whole'), 'checkpoint'), out('copy'), { recursive: true });
    writeFileSync(
      join(out('copy'), 'weights.safetensors'),
      writeSafetensors([['odd', { shape: [1], data: Float32Array.of(1) }]]),
    );
    const model = createDetectorModel(config, dataset.classes);
    expect(() => loadWeights(out('copy'), model)).toThrowError(
      expect.objectContaining({ code: 'PLB_TRAIN_WEIGHTS_MISMATCH' }),
    );
    writeFileSync(join(out('copy'), 'config.json'), '{"schema":"other/9"}');
    expect(() => readCheckpointHeader(out('copy'))).toThrowError(
      expect.objectContaining({ params: expect.objectContaining({ reason: expect.stringContaining('other/9') }) }),
    );
  });
});

describe('learningRateAt', () => {
  it('starts at a thousandth, reaches the peak after the warm-up and ends near zero', () => {
    const schedule = { ...config.schedule, learningRate: 1, warmupSteps: 10, decay: 'cosine' as const };
    expect(learningRateAt(0, 1000, schedule)).toBeCloseTo(0.001, 6);
    expect(learningRateAt(10, 1000, schedule)).toBeGreaterThan(0.99);
    expect(learningRateAt(999, 1000, schedule)).toBeLessThan(1e-4);
  });
});
