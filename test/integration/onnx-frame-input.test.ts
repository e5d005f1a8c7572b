import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Checkpoint, exportPortable, readCheckpoint } from '@plumbline/deploy/export';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyConfig, writeRandomCheckpoint } from './random-checkpoint.js';

/** The part of the graph in front of the network, checked through the whole graph against plain loops. */
const [networkH, networkW] = tinyConfig.imageSizeHw;
const dir = mkdtempSync(join(tmpdir(), 'plumbline-frame-'));
let frameGraph: InferenceSession;
let networkGraph: InferenceSession;
let checkpoint: Checkpoint;

beforeAll(async () => {
  writeRandomCheckpoint(dir, tinyConfig, ['a', 'b', 'c']);
  checkpoint = await readCheckpoint(dir);
  frameGraph = await InferenceSession.create(exportPortable(checkpoint).bytes);
  networkGraph = await InferenceSession.create(exportPortable(checkpoint, { input: 'network-image' }).bytes);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Smooth stripes with some noise: detections depend on every part of the image. */
function pixels(height: number, width: number): Uint8Array {
  const data = new Uint8Array(height * width * 3);
  for (let i = 0; i < data.length; i++) {
    const x = Math.floor(i / 3) % width;
    const y = Math.floor(i / (3 * width));
    data[i] = 128 + 90 * Math.sin(x / 7 + (i % 3)) * Math.cos(y / 11) + ((i * 7919) % 31);
  }
  return data;
}

/** Bilinear with half-pixel centres into the top left corner; elsewhere the mean, which the graph makes zero. */
function place(frame: Uint8Array, h: number, w: number, newH: number, newW: number): Float32Array {
  const out = new Float32Array(3 * networkH * networkW);
  for (let c = 0; c < 3; c++) {
    out.fill(tinyConfig.normalization.mean[c]!, c * networkH * networkW, (c + 1) * networkH * networkW);
    const at = (y: number, x: number) =>
      frame[(Math.min(h - 1, Math.max(0, y)) * w + Math.min(w - 1, Math.max(0, x))) * 3 + c]!;
    for (let y = 0; y < newH; y++) {
      for (let x = 0; x < newW; x++) {
        const sy = Math.max(0, ((y + 0.5) * h) / newH - 0.5);
        const sx = Math.max(0, ((x + 0.5) * w) / newW - 0.5);
        const [y0, x0] = [Math.floor(sy), Math.floor(sx)];
        const [fy, fx] = [sy - y0, sx - x0];
        const top = at(y0, x0) * (1 - fx) + at(y0, x0 + 1) * fx;
        const bottom = at(y0 + 1, x0) * (1 - fx) + at(y0 + 1, x0 + 1) * fx;
        out[(c * networkH + y) * networkW + x] = top * (1 - fy) + bottom * fy;
      }
    }
  }
  return out;
}

async function run(session: InferenceSession, feeds: Record<string, Tensor>) {
  const { boxes, scores, classes } = await session.run(feeds);
  return {
    boxes: Array.from(boxes!.data as Float32Array),
    scores: Array.from(scores!.data as Float32Array),
    classes: Array.from(classes!.data as BigInt64Array, Number),
  };
}

async function runBoth(height: number, width: number, newH: number, newW: number) {
  const data = pixels(height, width);
  const fromFrame = await run(frameGraph, { frame: new Tensor('uint8', data, [1, height, width, 3]) });
  const image = new Tensor('float32', place(data, height, width, newH, newW), [1, 3, networkH, networkW]);
  return { fromFrame, fromNetwork: await run(networkGraph, { image }) };
}

describe('the frame input of the portable graph', () => {
  it('passes a frame of the network size through pixel-exactly: both graphs give identical numbers', async () => {
    const { fromFrame, fromNetwork } = await runBoth(networkH, networkW, networkH, networkW);
    expect(fromFrame.scores.length).toBeGreaterThan(5);
    expect(fromFrame).toEqual(fromNetwork);
  });

  it.each([
    { title: 'a larger frame', h: 2 * networkH, w: 2 * networkW },
    { title: 'a smaller frame', h: networkH / 2, w: networkW / 2 },
  ])('resizes $title bilinearly with half-pixel centres and maps boxes back', async ({ h, w }) => {
    const { fromFrame, fromNetwork } = await runBoth(h, w, networkH, networkW);
    expect(fromNetwork.scores.length).toBeGreaterThan(5);
    expect(fromFrame.classes).toEqual(fromNetwork.classes);
    for (const [i, score] of fromNetwork.scores.entries()) expect(fromFrame.scores[i]).toBeCloseTo(score, 4);
    for (const [i, corner] of fromNetwork.boxes.entries()) {
      expect(Math.abs(fromFrame.boxes[i]! - corner * (h / networkH))).toBeLessThan(0.05);
    }
  });

  it.each([
    [1, 1],
    [3, 900],
    [900, 3],
    [101, 150],
  ])('keeps boxes inside a frame of %i x %i px', async (h, w) => {
    const found = await run(frameGraph, { frame: new Tensor('uint8', pixels(h, w), [1, h, w, 3]) });
    expect(found.boxes.length).toBe(4 * found.scores.length);
    for (const [i, corner] of found.boxes.entries()) {
      expect(corner).toBeGreaterThanOrEqual(0);
      expect(corner).toBeLessThanOrEqual(i % 2 === 0 ? w : h);
    }
  });

  it('subtracts the mean before it pads: a padded frame equals the same content with mean-valued padding', async () => {
    // Content limits differ (the network graph clips to the whole input), so scores before any clipping are compared.
    const [h, w] = [networkH, networkW / 2];
    const data = pixels(h, w);
    const options = { withIntermediates: true } as const;
    const padded = await InferenceSession.create(exportPortable(checkpoint, options).bytes);
    const { proposals } = await padded.run({ frame: new Tensor('uint8', data, [1, h, w, 3]) });
    const whole = await InferenceSession.create(
      exportPortable(checkpoint, { ...options, input: 'network-image' }).bytes,
    );
    const image = new Tensor('float32', place(data, h, w, h, w), [1, 3, networkH, networkW]);
    const { proposals: unclipped } = await whole.run({ image });
    // The best proposal is the first candidate on both sides: NMS cannot remove it.
    const [best, reference] = [proposals!, unclipped!].map((t) => Array.from(t.data as Float32Array).slice(0, 4));
    const clipped = reference!.map((corner, i) => Math.min(corner, i % 2 === 0 ? w : h));
    for (const [i, corner] of clipped.entries()) expect(best![i]).toBeCloseTo(corner, 3);
  });
});
