import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isPlumblineError, type ModelManifest } from '@plumbline/contract';
import type { ImageRgb } from '@plumbline/core/image';
import { exportPortable, readCheckpoint, writeModelFolder } from '@plumbline/deploy/export';
import { createDetector, createWorkerDetector } from '@plumbline/runtime/detector';
import { loadModelFolder } from '@plumbline/runtime/model-folder';
import { decodeModel, encodeModel, type OnnxModel } from '@plumbline/runtime/onnx';
import { openSession } from '@plumbline/runtime/session';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyConfig, writeRandomCheckpoint } from './random-checkpoint.js';

const root = mkdtempSync(join(tmpdir(), 'plumbline-detector-'));
const good = join(root, 'good');
const classes = ['scratch', 'dent', 'hole'];
let folderCount = 0;

beforeAll(async () => {
  writeRandomCheckpoint(join(root, 'checkpoint'), tinyConfig, classes);
  const checkpoint = await readCheckpoint(join(root, 'checkpoint'));
  await writeModelFolder(good, exportPortable(checkpoint), checkpoint, { version: '1.2.3' });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function image(height = 120, width = 200): ImageRgb {
  const data = new Uint8Array(height * width * 3);
  for (let i = 0; i < data.length; i++) data[i] = 128 + 100 * Math.sin(i / 50) * Math.cos(i / 4000);
  return { width, height, data };
}

/** A copy of the good folder with its manifest changed. */
function folderWith(change: (manifest: ModelManifest) => void): string {
  const dir = join(root, `changed-${++folderCount}`);
  cpSync(good, dir, { recursive: true });
  const file = join(dir, 'manifest.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8'));
  change(manifest);
  writeFileSync(file, JSON.stringify(manifest));
  return dir;
}

/** A copy of the good folder with other model bytes that the manifest agrees with. */
function folderWithModel(bytes: Uint8Array): string {
  const dir = folderWith((manifest) => {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    manifest.files['model.onnx'] = { sha256, bytes: bytes.length };
  });
  writeFileSync(join(dir, 'model.onnx'), bytes);
  return dir;
}

function changedModel(change: (model: OnnxModel) => void): string {
  const model = decodeModel(readFileSync(join(good, 'model.onnx')), 'model.onnx');
  change(model);
  return folderWithModel(encodeModel(model));
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => 'resolved',
    (thrown: unknown) => thrown,
  );
  return isPlumblineError(error) ? error.code : `not coded: ${String(error)}`;
}

describe('loadModelFolder', () => {
  it('returns manifest, path and hash of a folder, and of the .onnx file in it', async () => {
    const folder = await loadModelFolder(good);
    expect(folder.manifest.classes).toEqual(classes);
    expect(folder.sha256).toBe(createHash('sha256').update(readFileSync(folder.modelPath)).digest('hex'));
    expect(await loadModelFolder(join(good, 'model.onnx'))).toEqual(folder);
  });

  it('names what is missing or changed with a code', async () => {
    const noModel = folderWith(() => {});
    rmSync(join(noModel, 'model.onnx'));
    const changed = folderWith(() => {});
    writeFileSync(join(changed, 'model.onnx'), 'other bytes');
    const unlisted = folderWith((manifest) => {
      manifest.files = {};
    });
    expect(await codeOf(loadModelFolder(root))).toBe('PLB_RUNTIME_MANIFEST_MISSING');
    expect(await codeOf(loadModelFolder(noModel))).toBe('PLB_RUNTIME_MODEL_MISSING');
    expect(await codeOf(loadModelFolder(changed))).toBe('PLB_RUNTIME_MODEL_HASH_MISMATCH');
    expect(await codeOf(loadModelFolder(unlisted))).toBe('PLB_RUNTIME_MODEL_INTERFACE');
  });
});

describe('openSession', () => {
  it('reports a provider that this build lacks and falls back to the next one', async () => {
    const opened = await openSession(join(good, 'model.onnx'), { executionProviders: ['coreml', 'cpu'], threads: 1 });
    await opened.session.release();
    expect(opened.executionProvider).toBe('cpu');
    expect(opened.attempts).toEqual([
      { provider: 'coreml', isUsed: false, reason: 'not in this build of onnxruntime-node' },
      { provider: 'cpu', isUsed: true },
    ]);
  });

  it('fails with a code when no provider is left', async () => {
    const code = await codeOf(openSession(join(good, 'model.onnx'), { executionProviders: ['coreml'] }));
    expect(code).toBe('PLB_RUNTIME_PROVIDER_UNAVAILABLE');
  });
});

describe.each([
  { name: 'createDetector', create: createDetector },
  { name: 'createWorkerDetector', create: createWorkerDetector },
])('$name', ({ create }) => {
  it('finds boxes in source pixels, by descending score, and says what it runs', async () => {
    const detector = await create({ modelDir: good, threads: 1 });
    expect(detector.info).toMatchObject({
      id: 'good',
      version: '1.2.3',
      classes,
      executionProvider: 'cpu',
      threads: 1,
    });
    const { detections, timingsMs, image: returned } = await detector.detect(image());
    await detector.dispose();
    expect(detections.length).toBeGreaterThan(0);
    expect(detections.map((d) => d.score)).toEqual(detections.map((d) => d.score).sort((a, b) => b - a));
    for (const { classId, className, boxXyxy } of detections) {
      expect(className).toBe(classes[classId]);
      expect(Math.min(...boxXyxy)).toBeGreaterThanOrEqual(0);
      expect(boxXyxy[2]).toBeLessThanOrEqual(200);
      expect(boxXyxy[3]).toBeLessThanOrEqual(120);
    }
    expect(timingsMs.inference).toBeGreaterThan(0);
    expect(returned).toEqual(image());
  });

  it('returns no detection below a higher threshold and refuses one below the model', async () => {
    const detector = await create({ modelDir: good, threads: 1, scoreThreshold: 0.999 });
    expect((await detector.detect(image())).detections).toEqual([]);
    await detector.dispose();
    expect(await codeOf(create({ modelDir: good, scoreThreshold: 0.01 }))).toBe('PLB_RUNTIME_THRESHOLD_TOO_LOW');
  });

  it('answers frames given at once in order, each with its own image', async () => {
    const detector = await create({ modelDir: good, threads: 1 });
    const finished: number[] = [];
    const heights = [40, 80, 60, 100, 50];
    const results = await Promise.all(
      heights.map(async (height) => {
        const result = await detector.detect(image(height));
        finished.push(result.image.height);
        return result;
      }),
    );
    await detector.dispose();
    expect(finished).toEqual(heights);
    expect(results.map((result) => result.image.data.length)).toEqual(heights.map((height) => height * 600));
  });

  it('rejects an image of the wrong length with a code and goes on', async () => {
    const detector = await create({ modelDir: good, threads: 1 });
    const wrong = { width: 10, height: 10, data: new Uint8Array(299) };
    expect(await codeOf(detector.detect(wrong))).toBe('PLB_RUNTIME_IMAGE_INVALID');
    expect((await detector.detect(image())).detections.length).toBeGreaterThan(0);
    await detector.dispose();
  });

  it('refuses frames after dispose, which may be called twice', async () => {
    const detector = await create({ modelDir: good, threads: 1 });
    await detector.dispose();
    await detector.dispose();
    expect(await codeOf(detector.detect(image()))).toBe('PLB_RUNTIME_DETECTOR_DISPOSED');
  });

  it('refuses a damaged model and a graph that does not match its manifest, naming the file', async () => {
    const bytes = readFileSync(join(good, 'model.onnx'));
    const cut = folderWithModel(bytes.subarray(0, bytes.length / 2));
    const noBoxes = changedModel((model) => {
      model.graph.output = model.graph.output.filter((output) => output.name !== 'boxes');
    });
    const otherInput = folderWith((manifest) => {
      manifest.input.name = 'images';
    });
    expect(await codeOf(create({ modelDir: cut }))).toBe('PLB_RUNTIME_MODEL_UNREADABLE');
    expect(await codeOf(create({ modelDir: noBoxes }))).toBe('PLB_RUNTIME_MODEL_INTERFACE');
    expect(await codeOf(create({ modelDir: otherInput }))).toBe('PLB_RUNTIME_MODEL_INTERFACE');
    await expect(create({ modelDir: otherInput })).rejects.toThrow(join(otherInput, 'model.onnx'));
  });

  it('refuses a class id that the manifest has no name for', async () => {
    const oneClass = folderWith((manifest) => {
      manifest.classes = ['scratch'];
    });
    const seen = async () => {
      const detector = await create({ modelDir: oneClass, threads: 1 });
      try {
        await detector.detect(image());
      } finally {
        await detector.dispose();
      }
    };
    expect(await codeOf(seen())).toBe('PLB_RUNTIME_MODEL_INTERFACE');
  });

  it('reports a graph that fails while it runs as a coded error', async () => {
    // The anchor table of P2 cut to one row: loading succeeds, gathering any other row fails.
    const broken = changedModel((model) => {
      const table = model.graph.initializer.find((tensor) => tensor.name === 'rpn_head.p2.cells')!;
      table.dims = [1, 4];
      table.raw_data = table.raw_data!.subarray(0, 16);
    });
    expect(await codeOf(create({ modelDir: broken }))).toBe('PLB_RUNTIME_INFERENCE_FAILED');
  });
});

describe('createWorkerDetector', () => {
  it('leaves the event loop free while it computes', async () => {
    const detector = await createWorkerDetector({ modelDir: good, threads: 1 });
    let isDone = false;
    const work = Promise.all([1, 2, 3, 4].map(() => detector.detect(image(1000, 1500)))).then(() => {
      isDone = true;
    });
    let turns = 0;
    while (!isDone) {
      await new Promise((resolve) => setImmediate(resolve));
      turns++;
    }
    await work;
    await detector.dispose();
    expect(turns).toBeGreaterThan(50);
  });

  it('refuses an image that was transferred before', async () => {
    const detector = await createWorkerDetector({ modelDir: good, threads: 1 });
    const sent = image();
    await detector.detect(sent);
    expect(await codeOf(detector.detect(sent))).toBe('PLB_RUNTIME_IMAGE_INVALID');
    await detector.dispose();
  });

  it('takes an image that is a view without detaching its neighbours', async () => {
    const detector = await createWorkerDetector({ modelDir: good, threads: 1 });
    const whole = image(64, 64);
    const pool = new Uint8Array(3 * whole.data.length).fill(9);
    pool.set(whole.data, whole.data.length);
    const view = pool.subarray(whole.data.length, 2 * whole.data.length);
    const { detections } = await detector.detect({ width: 64, height: 64, data: view });
    expect(pool[0]).toBe(9);
    expect(detections).toEqual((await detector.detect(whole)).detections);
    await detector.dispose();
  });
});
