import { type TrainConfig, trainConfigSchema } from '@plumbline/contract';
import { detectPerClass, suppressAbove } from '@plumbline/core/geometry';
import { type Checkpoint, exportPortable, exportTensorrt, Weights } from '@plumbline/deploy/export';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { goldenFolder } from '../fixtures/golden.js';

const { load: tensors, json } = goldenFolder('decoupled-rcnn');
const networkHw = [128, 160] as const;
const classes = ['c0', 'c1', 'c2', 'c3', 'c4', 'c5'];

interface GoldenDetections {
  boxes: number[][];
  scores: number[];
  labels: number[];
}

function goldenDetections(file: string): Record<string, GoldenDetections[]> {
  return json(file);
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

async function run(bytes: Uint8Array, imageIndex: number, more: Record<string, Tensor> = {}) {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1 });
  const images = tensors('inputs.safetensors').get('images')!.data as Float32Array;
  const size = 3 * networkHw[0] * networkHw[1];
  const image = new Tensor('float32', images.slice(imageIndex * size, (imageIndex + 1) * size), [1, 3, ...networkHw]);
  const outputs = await session.run({ image, ...more });
  await session.release();
  return outputs;
}

function detect(model: Checkpoint, imageIndex: number) {
  return run(exportPortable(model, { input: 'network-image', withIntermediates: true }).bytes, imageIndex);
}

/** The regions of the graph for TensorRT, chosen from as the runtime does. */
async function detectStatic(model: Checkpoint, imageIndex: number): Promise<GoldenDetections> {
  const [h, w] = networkHw;
  const content = new Tensor('float32', [w, h, w, h], [4]);
  const { boxes, scores } = await run(exportTensorrt(model).bytes, imageIndex, { content });
  const values = floats(scores);
  const { scoreThreshold, nmsIou, maxDetections } = model.config.test;
  const regions = {
    count: scores!.dims[0]!,
    classes: classes.length,
    boxesXyxy: floats(boxes),
    isClassSpecific: boxes!.dims.length === 3,
    scoreOf: (r: number, c: number) => values[r * classes.length + c]!,
  };
  const found = detectPerClass(regions, maxDetections, (boxesXyxy, ofClass) =>
    suppressAbove(boxesXyxy, ofClass, scoreThreshold, nmsIou),
  );
  return {
    boxes: found.map(({ boxXyxy }) => boxXyxy),
    scores: found.map(({ score }) => score),
    labels: found.map(({ classId }) => classId),
  };
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
const cascade = { head: { fcChannels: 64, shared: true }, kind: 'cascade', regressors: 3 };
const doubleHead = { head: { fcChannels: 64, branch: 'conv' }, regressors: 1 };
const sharedHead = { head: { fcChannels: 64, shared: true }, kind: 'faster', regressors: 1 };

describe('the exported graphs against the reference detector', () => {
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
    { title: 'Cascade R-CNN', file: 'variants/cascade', tag: 'n3', model: cascade, test: {} },
    {
      title: 'Cascade R-CNN and the mean of logits',
      file: 'variants/cascade',
      tag: 'n3-mean-logits',
      model: cascade,
      test: { average: 'logits' },
    },
    { title: 'Double-Head', file: 'variants/double-head', tag: 'n1', model: doubleHead, test: {} },
  ])('repeats the detections with $title', async ({ file, tag, model, test, sampling = 0 }) => {
    const golden = goldenDetections(`${file}/detections.json`)[tag]!;
    const detector = checkpoint(`${file}/heads.safetensors`, model, sampling, test);
    for (const b of [0, 1]) {
      expectDetections(await detect(detector, b), golden[b]!);
      const found = await detectStatic(detector, b);
      expect(found.labels).toEqual(golden[b]!.labels);
      expect(maxDifference(found.scores, golden[b]!.scores)).toBeLessThan(1e-4);
      expect(maxDifference(found.boxes.flat(), golden[b]!.boxes.flat())).toBeLessThan(1e-2);
    }
  });

  it('gives empty outputs of the right shapes when nothing reaches the score threshold', async () => {
    const model = checkpoint('main/heads.safetensors', { head: { fcChannels: 64 }, regressors: 3 }, 2, {
      scoreThreshold: 0.999,
    });
    const outputs = await detect(model, 0);
    expect([outputs.boxes!.dims, outputs.scores!.dims, outputs.classes!.dims]).toEqual([[0, 4], [0], [0]]);
  });
});
