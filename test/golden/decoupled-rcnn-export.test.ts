import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TrainConfig, trainConfigSchema } from '@plumbline/contract';
import { type NamedTensor, readSafetensors } from '@plumbline/core/safetensors';
import { type Checkpoint, exportPortable, Weights } from '@plumbline/deploy/export';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';

const folder = join(import.meta.dirname, 'decoupled-rcnn');
const networkHw = [128, 160] as const;
const classes = ['c0', 'c1', 'c2', 'c3', 'c4', 'c5'];

function tensors(file: string): Map<string, NamedTensor> {
  return readSafetensors(new Uint8Array(readFileSync(join(folder, file))), file).tensors;
}

interface GoldenDetections {
  boxes: number[][];
  scores: number[];
  labels: number[];
}

function goldenDetections(file: string): Record<string, GoldenDetections[]> {
  return JSON.parse(readFileSync(join(folder, file), 'utf8'));
}

function checkpoint(heads: string, model: { head: object; [key: string]: unknown }, samplingRatio: number, test: object = {}): Checkpoint {
  const config: TrainConfig = trainConfigSchema.parse({
    imageSizeHw: networkHw,
    normalization: { mean: [0, 0, 0], std: [1, 1, 1] },
    model: { backbone: { width: 16 }, fpn: { channels: 32 }, ...model, head: { ...model.head, samplingRatio } },
    proposals: { testPreNms: 300, testPostNms: 200 },
    test,
  });
  const weights = new Weights(heads, new Map([...tensors('trunk.safetensors'), ...tensors(heads)]));
  return {
    source: 'golden',
    config,
    classes,
    step: 260,
    runId: 'golden',
    weights,
  };
}

async function detect(model: Checkpoint, imageIndex: number) {
  const { bytes } = exportPortable(model, { input: 'network-image', withIntermediates: true });
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1 });
  const images = tensors('inputs.safetensors').get('images')!.data as Float32Array;
  const size = 3 * networkHw[0] * networkHw[1];
  const image = new Tensor('float32', images.slice(imageIndex * size, (imageIndex + 1) * size), [1, 3, ...networkHw]);
  const outputs = await session.run({ image });
  await session.release();
  return outputs;
}

function maxDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < expected.length; i++) worst = Math.max(worst, Math.abs(actual[i]! - expected[i]!));
  return worst;
}

const floats = (tensor: Tensor | undefined) => tensor!.data as Float32Array;

/** Tolerances are the golden set's own: boxes 1e-2 px, scores 1e-4. */
function expectDetections(outputs: Record<string, Tensor>, golden: GoldenDetections): void {
  expect(golden.boxes.length).toBeGreaterThan(0);
  expect(Array.from(outputs.classes!.data as BigInt64Array, Number)).toEqual(golden.labels);
  expect(maxDifference(floats(outputs.scores), golden.scores)).toBeLessThan(1e-4);
  expect(maxDifference(floats(outputs.boxes), golden.boxes.flat())).toBeLessThan(1e-2);
}

const decoupled = { head: { fcChannels: 64 } };
const sharedHead = { head: { fcChannels: 64, shared: true }, kind: 'faster', regressors: 1 };

describe('the portable graph against the reference detector', () => {
  it.each([0, 1])('repeats proposals, probabilities and refined boxes with three regressors (image %i)', async (b) => {
    // A threshold of 0 keeps every proposal, as the stored stages do.
    const model = checkpoint('main/heads.safetensors', { ...decoupled, regressors: 3 }, 2, { scoreThreshold: 0 });
    const outputs = await detect(model, b);
    const stages = tensors('main/eval.safetensors');
    const stage = (name: string) => stages.get(`n3-sampling2.img${b}.${name}`)!.data as Float32Array;
    expect(maxDifference(floats(outputs.proposals), stage('proposals'))).toBeLessThan(1e-2);
    const foreground = stage('prob').filter((_, i) => i % (classes.length + 1) < classes.length);
    expect(maxDifference(floats(outputs.probabilities), foreground)).toBeLessThan(1e-4);
    expect(maxDifference(floats(outputs.refined), stage('stage3.boxes'))).toBeLessThan(1e-2);
  });

  it.each([
    {
      title: 'three regressors, two samples a bin',
      file: 'main',
      tag: 'n3-sampling2',
      model: { ...decoupled, regressors: 3 },
      test: {},
      sampling: 2,
    },
    {
      title: 'three regressors, adaptive sampling',
      file: 'main',
      tag: 'n3',
      model: { ...decoupled, regressors: 3 },
      test: {},
    },
    {
      title: 'a score threshold of 0.001',
      file: 'main',
      tag: 'n3-thr0.001',
      model: { ...decoupled, regressors: 3 },
      test: { scoreThreshold: 0.001 },
    },
    {
      title: 'one class-specific regressor',
      file: 'main',
      tag: 'n1',
      model: { ...decoupled, regressors: 1 },
      test: {},
    },
    { title: 'shared fully connected layers', file: 'variants/shared', tag: 'n1', model: sharedHead, test: {} },
    { title: 'the FPN baseline', file: 'variants/fpn', tag: 'n1', model: sharedHead, test: {} },
  ])('repeats the detections with $title', async ({ file, tag, model, test, sampling = 0 }) => {
    const golden = goldenDetections(`${file}/detections.json`)[tag]!;
    for (const b of [0, 1])
      expectDetections(await detect(checkpoint(`${file}/heads.safetensors`, model, sampling, test), b), golden[b]!);
  });

  it('gives empty outputs of the right shapes when nothing reaches the score threshold', async () => {
    const model = checkpoint('main/heads.safetensors', { head: { fcChannels: 64 }, regressors: 3 }, 2, {
      scoreThreshold: 0.999,
    });
    const outputs = await detect(model, 0);
    expect([outputs.boxes!.dims, outputs.scores!.dims, outputs.classes!.dims]).toEqual([[0, 4], [0], [0]]);
  });
});
