import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trainConfigSchema } from '@plumbline/contract';
import type { Detection } from '@plumbline/core/geometry';
import type { ImageRgb } from '@plumbline/core/image';
import {
  type Checkpoint,
  compareDetections,
  type ExportedModel,
  exportPortable,
  exportTensorrt,
  Weights,
  writeModelFolder,
} from '@plumbline/deploy/export';
import { createDetector } from '@plumbline/runtime/detector';
import { loadEngine } from '@plumbline/train/engines';
import { detectImage, importWeights } from '@plumbline/train/model';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { classes, createVariant, variants } from './detector-variants.js';
import { randomWeights, tinyConfig } from './random-checkpoint.js';

const [height, width] = tinyConfig.imageSizeHw;

const targets: readonly [name: string, write: (checkpoint: Checkpoint) => ExportedModel][] = [
  ['portable', exportPortable],
  ['tensorrt', exportTensorrt],
  ['tensorrt for frames of one size', (checkpoint) => exportTensorrt(checkpoint, { frameHw: [height, width] })],
];

/** Smooth, as pictures are: on noise, scores of moved boxes magnify the last bits of their corners. */
function smoothImage(phase = 0): ImageRgb {
  const data = Uint8Array.from({ length: height * width * 3 }, (_, i) => {
    const [cell, channel] = [Math.floor(i / 3), i % 3];
    const [y, x] = [Math.floor(cell / width), cell % width];
    return Math.round(127 + 60 * Math.sin(x / 9 + channel + phase) + 60 * Math.cos(y / 7 - x / 23 + phase));
  });
  return { width, height, data };
}

const dir = mkdtempSync(join(tmpdir(), 'plumbline-variants-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('the exported graph finds what the trainer finds', () => {
  beforeAll(() => loadEngine('wasm'));

  it.each(variants)('$name', async (variant) => {
    const { name } = variant;
    const { config, detector, weights } = createVariant(variant);
    importWeights(detector.parameters, weights.entries(), name);
    const checkpoint = { source: name, config, classes, step: 1, runId: 'random', weights };
    const image = smoothImage();
    const reference = await detectImage(detector, image);
    for (const [target, write] of targets) {
      const out = join(dir, `${variants.indexOf(variant)}-${target}`);
      await writeModelFolder(out, write(checkpoint), checkpoint, { version: '1' });
      const exported = await createDetector({ modelDir: out, threads: 1 });
      const { detections } = await exported.detect(image);
      await exported.dispose();
      const parity = compareDetections([reference], [detections], config.test.scoreThreshold);
      expect(parity.detections, target).toBeGreaterThan(0);
      expect(parity.unmatched, target).toBe(0);
      expect(parity.maxBoxErrorPx, target).toBeLessThan(0.05);
      expect(parity.maxScoreError, target).toBeLessThan(1e-4);
    }
  });

  it.each([
    { name: 'boxes shared by all classes', model: { regressors: 3 } },
    { name: 'boxes of each class', model: { regressors: 1 } },
  ])('in every frame of a batch as in the frame alone, with $name', async ({ name, model }) => {
    const config = { ...tinyConfig, model: { ...tinyConfig.model, ...model } };
    const weights = new Weights('random', randomWeights(config, classes.length));
    const { bytes } = exportPortable({ source: name, config, classes, step: 1, runId: 'random', weights });
    const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1 });
    const frames = [0, 1, 2].map((phase) => smoothImage(phase));
    const run = async (images: readonly ImageRgb[]) => {
      const data = Uint8Array.from(images.flatMap((image) => [...image.data]));
      const found = await session.run({ frame: new Tensor('uint8', data, [images.length, height, width, 3]) });
      const [boxes, scores] = [found.boxes!.data as Float32Array, found.scores!.data as Float32Array];
      const ids = Array.from(found.classes!.data as BigInt64Array, Number);
      const owners = Array.from(found.images!.data as BigInt64Array, Number);
      return images.map((_, image) =>
        [...scores.keys()]
          .filter((i) => owners[i] === image)
          .map((i) => {
            const boxXyxy = [...boxes.subarray(4 * i, 4 * i + 4)] as unknown as Detection['boxXyxy'];
            return { classId: ids[i]!, className: classes[ids[i]!]!, score: scores[i]!, boxXyxy };
          }),
      );
    };
    const alone: Detection[][] = [];
    for (const frame of frames) alone.push(...(await run([frame])));
    const together = await run(frames);
    await session.release();
    expect(alone.every((found) => found.length > 0)).toBe(true);
    expect(alone[0]).not.toEqual(alone[1]);
    const parity = compareDetections(alone, together, config.test.scoreThreshold);
    expect(together.map((found) => found.length)).toEqual(alone.map((found) => found.length));
    expect(parity.unmatched).toBe(0);
    expect(parity.maxBoxErrorPx).toBeLessThan(1e-3);
    expect(parity.maxScoreError).toBeLessThan(1e-5);
  });

  it.each([
    { name: 'fully connected', head: {} },
    { name: 'convolutional', head: { branch: 'conv' } },
  ])('and nothing where no region scores, with a $name branch', async ({ name, head }) => {
    const config = trainConfigSchema.parse({
      ...tinyConfig,
      model: { ...tinyConfig.model, regressors: 2, head: { ...tinyConfig.model.head, ...head } },
      test: { ...tinyConfig.test, scoreThreshold: 0.999 },
    });
    const weights = new Weights('random', randomWeights(config, classes.length));
    const checkpoint = { source: name, config, classes, step: 1, runId: 'random', weights };
    const { bytes } = exportPortable(checkpoint, { input: 'network-image' });
    const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1 });
    const image = new Tensor('float32', new Float32Array(3 * height * width), [1, 3, height, width]);
    const { scores, boxes } = await session.run({ image });
    await session.release();
    expect([scores!.dims, boxes!.dims]).toEqual([[0], [0, 4]]);
  });
});
