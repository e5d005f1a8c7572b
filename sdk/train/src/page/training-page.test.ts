import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trainConfigSchema } from '@plumbline/contract';
import type { Dataset } from '@plumbline/data/dataset';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadEngine } from '../engines/index.js';
import { createDetectorModel } from '../model/index.js';
import type { StepMetrics } from '../train/index.js';
import type { PageMessage } from './messages.js';
import { PredictionPictures } from './prediction-pictures.js';
import { RunHistory } from './run-history.js';
import { TrainingPage } from './training-page.js';

const folder = mkdtempSync(join(tmpdir(), 'plumbline-page-'));
afterAll(() => rmSync(folder, { recursive: true }));

const stepAt = (step: number): StepMetrics => ({
  step,
  epoch: step / 10,
  learningRate: 0.01,
  loss: { cls: step, total: 2 * step },
  gradientNorm: 1,
  positives: [4, step % 3],
  meanIou: [0.5, step / 100],
  seconds: { forward: 1, backward: 2, update: 3 },
  imagesPerSecond: 4,
  dataSeconds: 0,
});

const facts = {
  out: 'out/run',
  data: 'deeppcb:boards',
  validation: 'deeppcb:boards#val',
  engine: 'wasm 4.22.0',
  model: 'decoupled',
  classes: ['a', 'b'],
  imagesPerStep: 2,
  totalSteps: 40,
  scoreThreshold: 0.5,
};

const dataset: Dataset = {
  name: 'grey',
  classes: ['a', 'b'],
  samples: [0, 1, 2].map((i) => ({
    imageId: i,
    stem: `board-${i}`,
    file: join(folder, `${i}.png`),
    width: 64,
    height: 48,
    gtBoxesXyxy: Float64Array.from(i === 1 ? [] : [4, 5, 20, 30]),
    gtLabels: Int32Array.from(i === 1 ? [] : [1]),
  })),
};

beforeAll(async () => {
  const grey = { width: 64, height: 48, channels: 3 as const, background: { r: 90, g: 90, b: 90 } };
  for (const { file } of dataset.samples) await sharp({ create: grey }).png().toFile(file);
});

/** @returns status, headers and body of an answer */
function ask(url: string, options: { method?: string; headers?: Record<string, string> } = {}) {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }>((resolve, reject) => {
    request(url, options, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(parts) }),
      );
    })
      .on('error', reject)
      .end();
  });
}

/** Reads the messages of a connection until one is of the kind. */
async function messagesUntil(url: string, kind: PageMessage['kind']): Promise<PageMessage[]> {
  const abort = new AbortController();
  const response = await fetch(`${url}/events`, { signal: abort.signal });
  const messages: PageMessage[] = [];
  let text = '';
  for await (const part of response.body!) {
    text += Buffer.from(part).toString();
    const whole = text.split('\n\n');
    text = whole.pop()!;
    messages.push(...whole.map((event) => JSON.parse(event.slice('data: '.length)) as PageMessage));
    if (messages.some((message) => message.kind === kind)) break;
  }
  abort.abort();
  return messages;
}

describe('TrainingPage', () => {
  it('tells a new visitor all that came before, earlier starts of the run included, and then what comes', async () => {
    const metrics = join(folder, 'metrics.jsonl');
    const validation = { kind: 'validation', step: 2, epoch: 0.2, AP: 0.4, isBest: true };
    writeFileSync(metrics, `${[stepAt(1), stepAt(2), validation].map((line) => JSON.stringify(line)).join('\n')}\n`);
    const page = await TrainingPage.open(0);
    page.begin(facts, metrics);
    page.step(stepAt(3));
    const all = messagesUntil(page.url, 'end');
    const [state] = await messagesUntil(page.url, 'state');
    expect(state).toMatchObject({ kind: 'state', facts, predictions: null, end: null, validations: [{ AP: 0.4 }] });
    expect(state!.kind === 'state' && state.steps.map(({ step }) => step)).toEqual([1, 2, 3]);
    page.step(stepAt(4));
    page.validation({ step: 4, epoch: 0.4, AP: 0.5 });
    page.end({ step: 4, why: 'done' });
    expect((await all).map(({ kind }) => kind)).toEqual(['state', 'step', 'validation', 'end']);
    await page.close();
  });

  it('answers to its own name only, to reading only, and lets the browser load nothing from elsewhere', async () => {
    const page = await TrainingPage.open(0);
    const { status, headers, body } = await ask(page.url);
    expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(body.toString()).toContain('<h1 id="title">');
    for (const path of ['/main.js', '/curves.js', '/pictures.js', '/format.js', '/uplot.js', '/uplot.css', '/page.css'])
      expect((await ask(page.url + path)).status, path).toBe(200);
    expect((await ask(page.url, { headers: { host: 'attacker.example' } })).status).toBe(403);
    expect((await ask(page.url, { method: 'POST' })).status).toBe(405);
    expect((await ask(`${page.url}/../package.json`)).status).toBe(404);
    expect((await ask(`${page.url}/pictures/0.jpg`)).status).toBe(404);
    const { port } = new URL(page.url);
    await expect(TrainingPage.open(Number(port))).rejects.toMatchObject({
      code: 'PLB_TRAIN_PAGE_PORT_UNUSABLE',
      params: { reason: 'another program uses it' },
    });
    await page.close();
  });

  it('shows what the model says to labelled images of the validation data, not more often than costs little', async () => {
    await loadEngine('wasm');
    const model = createDetectorModel(
      trainConfigSchema.parse({
        imageSizeHw: [64, 64],
        model: { backbone: { blocks: [1, 1, 1, 1], width: 4 }, fpn: { channels: 8 }, head: { fcChannels: 16 } },
      }),
      dataset.classes,
    );
    const page = await TrainingPage.open(0, new PredictionPictures(dataset, 5));
    page.begin(facts, join(folder, 'none.jsonl'));
    expect(page.isLookDue()).toBe(true);
    await page.look(model, 7);
    expect(page.isLookDue()).toBe(false);
    const [state] = await messagesUntil(page.url, 'state');
    const predictions = state!.kind === 'state' ? state.predictions! : undefined;
    expect(predictions).toMatchObject({ step: 7 });
    expect(predictions!.pictures.map(({ name }) => name)).toEqual(['board-0', 'board-2']);
    const [first] = predictions!.pictures;
    expect(first).toMatchObject({
      width: 64,
      height: 48,
      truths: [{ classId: 1, boxXyxy: [4, 5, 20, 30] }],
      url: '/pictures/0.jpg',
    });
    const { status, headers, body } = await ask(page.url + first!.url);
    expect([status, headers['content-type'], (await sharp(body).metadata()).width]).toEqual([200, 'image/jpeg', 64]);
    rmSync(dataset.samples[2]!.file);
    expect((await ask(`${page.url}/pictures/1.jpg`)).status).toBe(500);
    await page.close();
  }, 60_000);
});

describe('RunHistory', () => {
  it('averages neighbours when there are more steps than a screen can show', () => {
    const history = new RunHistory();
    for (let step = 1; step <= 10; step++) history.addStep(stepAt(step));
    expect(history.thinnedSteps(10)).toHaveLength(10);
    const thinned = history.thinnedSteps(4);
    expect(thinned.map(({ step, loss }) => [step, loss.total])).toEqual([
      [3, 4],
      [6, 10],
      [9, 16],
      [10, 20],
    ]);
    // Step 3 had no rows for the second regressor: the mean is over steps 1 and 2.
    expect(thinned[0]!.meanIou[1]).toBeCloseTo(0.015, 12);
    expect(history.thinnedSteps(10)[2]!.meanIou[1]).toBeNull();
  });
});
