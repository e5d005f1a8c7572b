import { readFileSync } from 'node:fs';
import {
  batchNormTrain,
  biasAdd,
  conv2dPadded,
  type Engine,
  maxPool3x3s2,
  read,
  relu,
  roiAlign,
  variableGradients,
} from '@plumbline/train/engines';
import { beforeAll, describe, expect, it } from 'vitest';

type Tf = Engine['tf'];
type Tensor = ReturnType<Tf['tensor']>;
type Tensor4D = ReturnType<Tf['tensor4d']>;

/** What holds for every training engine: values and gradients of the operations a detector is trained with. */
export function describeEngine(
  load: () => Promise<Engine>,
  { isDeterministic = true, gradientTolerance = 1e-5 } = {},
): void {
  let engine: Engine;
  let tf: Tf;
  beforeAll(async () => {
    engine = await load();
    tf = engine.tf;
  });

  const values = async (tensor: Tensor) => Array.from(await tensor.data());
  const expectClose = async (actual: Tensor, expected: ArrayLike<number>, tolerance: number) => {
    const found = await actual.data();
    expect(found.length).toBe(expected.length);
    let worst = 0;
    for (let i = 0; i < found.length; i++) worst = Math.max(worst, Math.abs(found[i]! - expected[i]!));
    expect(worst).toBeLessThanOrEqual(tolerance);
  };

  it('names itself and what computes', async () => {
    expect(engine.name).toBe(tf.getBackend());
    expect(engine.version).toMatch(/^\d+\.\d+\.\d+/);
    expect(engine.memory().rssBytes).toBeGreaterThan(50e6);
  });

  it('relu passes the gradient where the input is positive', async () => {
    const { value, grad } = tf.valueAndGrad((x) => relu(x))(tf.tensor1d([-1, 0, 2]), tf.tensor1d([5, 6, 7]));
    expect(await values(value)).toEqual([0, 0, 2]);
    expect(await values(grad)).toEqual([0, 0, 7]);
  });

  it('biasAdd sums the gradient of the bias over all rows', async () => {
    const { value, grads } = tf.valueAndGrads((x, bias) => biasAdd(x!, bias as never))(
      [tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2]), tf.tensor1d([10, 20])],
      tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2]),
    );
    expect(await values(value)).toEqual([11, 22, 13, 24, 15, 26]);
    expect(await values(grads[0]!)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await values(grads[1]!)).toEqual([9, 12]);
  });

  it('conv2dPadded puts each side of the padding where it is named', async () => {
    const ones = tf.ones([2, 2, 1, 1]) as Tensor4D;
    const x = tf.tensor4d([1, 2, 3, 4], [1, 2, 2, 1]);
    expect(await values(conv2dPadded(x, ones, 1, [1, 0, 0, 0]))).toEqual([3, 10]);
    expect(await values(conv2dPadded(x, ones, 1, [0, 1, 0, 0]))).toEqual([10, 7]);
    expect(await values(conv2dPadded(x, ones, 1, [0, 0, 1, 0]))).toEqual([4, 10]);
    expect(await values(conv2dPadded(x, ones, 1, [0, 0, 0, 1]))).toEqual([10, 6]);
  });

  it.each([
    { stride: 1, padding: [1, 1, 1, 1], size: [6, 7] },
    { stride: 2, padding: [1, 1, 1, 1], size: [6, 7] },
    { stride: 2, padding: [0, 1, 2, 0], size: [8, 5] },
    { stride: 2, padding: [0, 0, 0, 0], size: [6, 8] },
  ] as const)('conv2dPadded has the gradient of its definition, stride $stride padding $padding', async (sample) => {
    const { stride, padding, size } = sample;
    const x = pattern([2, ...size, 3], 1);
    const filter = pattern([3, 3, 3, 4], 2);
    const y = conv2dPadded(tensorOf(x), tensorOf(filter), stride, padding);
    const dy = pattern(y.shape as Shape4, 3);
    const expected = convolutionByDefinition(x, filter, dy, stride, padding);
    await expectClose(y, expected.y, 1e-5);
    const [dx, dFilter] = tf.grads((x, filter) => conv2dPadded(x as Tensor4D, filter as Tensor4D, stride, padding))(
      [tensorOf(x), tensorOf(filter)],
      tensorOf(dy),
    );
    await expectClose(dx!, expected.dx, 1e-5);
    await expectClose(dFilter!, expected.dFilter, 2e-5);
  });

  it('maxPool3x3s2 sends the gradient to the largest value', async () => {
    const x = tf.tensor4d([1, 2, 3, 4, 9, 5, 6, 7, 8], [1, 3, 3, 1]);
    const { value, grad } = tf.valueAndGrad((x) => maxPool3x3s2(x as Tensor4D))(
      x,
      tf.tensor4d([1, 10, 100, 1000], [1, 2, 2, 1]),
    );
    expect(await values(value)).toEqual([9, 9, 9, 9]);
    expect(await values(grad)).toEqual([0, 0, 0, 0, 1111, 0, 0, 0, 0]);
  });

  it('batchNormTrain normalises with the batch and returns the variance for the running average', async () => {
    const x = tf.tensor4d([1, 2, 3, 4], [1, 2, 2, 1]);
    const { y, mean, variance } = batchNormTrain(x, tf.tensor1d([2]), tf.tensor1d([10]), 0);
    const unit = 1 / Math.sqrt(1.25);
    await expectClose(
      y,
      [-1.5, -0.5, 0.5, 1.5].map((d) => 10 + 2 * d * unit),
      1e-5,
    );
    await expectClose(mean, [2.5], 1e-6);
    await expectClose(variance, [5 / 3], 1e-6);
  });

  it('batchNormTrain has the gradient of its definition', async () => {
    const x = pattern([2, 3, 4, 5], 1);
    const dy = pattern([2, 3, 4, 5], 2);
    const scale = [0.5, 1, 1.5, 2, 2.5];
    const expected = batchNormGradient(x, dy, scale, 1e-5);
    const [dx, dScale, dOffset] = tf.grads(
      (x, scale, offset) => batchNormTrain(x as Tensor4D, scale as never, offset as never, 1e-5).y,
    )([tensorOf(x), tf.tensor1d(scale), tf.zeros([5])], tensorOf(dy));
    await expectClose(dx!, expected.dx, 1e-5);
    await expectClose(dScale!, expected.dScale, 1e-5);
    await expectClose(dOffset!, expected.dOffset, 1e-5);
  });

  it('sum, mean and abs have the gradient of their definition', async () => {
    const x = tf.tensor2d([-2, 0, 3, 4], [2, 2]);
    expect(await values(tf.grad((x) => tf.sum(x, 0))(x, tf.tensor1d([1, 10])))).toEqual([1, 10, 1, 10]);
    expect(await values(tf.grad((x) => tf.mean(x, 1))(x, tf.tensor1d([1, 10])))).toEqual([0.5, 0.5, 5, 5]);
    expect(await values(tf.grad((x) => tf.mean(x))(x))).toEqual([0.25, 0.25, 0.25, 0.25]);
    expect(await values(tf.grad((x) => tf.abs(x))(x, tf.tensor2d([1, 2, 3, 4], [2, 2])))).toEqual([-1, 0, 3, 4]);
  });

  it('gather adds the gradients of rows that were taken more than once', async () => {
    const grad = tf.grad((x) => tf.gather(x, tf.tensor1d([2, 0, 2], 'int32')))(
      tf.zeros([3, 2]),
      tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2]),
    );
    expect(await values(grad)).toEqual([3, 4, 0, 0, 6, 8]);
  });

  describe('roiAlign', () => {
    const quarterScale = { spatialScale: 0.25, outSize: 7, samplingRatio: 2, aligned: true };
    it('repeats torchvision, values and gradient, rois outside, empty and inverted included', async () => {
      const features = tf.transpose(golden('feat', [2, 4, 20, 26]), [0, 2, 3, 1]) as Tensor4D;
      const rois = goldenValues('rois');
      const dy = tf.transpose(golden('grad_out', [22, 4, 7, 7]), [0, 2, 3, 1]);
      const { value, grad } = tf.valueAndGrad((x) => roiAlign(x as Tensor4D, rois, quarterScale))(
        features,
        dy as Tensor4D,
      );
      await expectClose(tf.transpose(value, [0, 3, 1, 2]), goldenValues('out_p7_sr2_aligned1'), 1e-5);
      const expected = goldenValues('out_p7_sr2_aligned1_grad_feat');
      await expectClose(tf.transpose(grad, [0, 3, 1, 2]), expected, gradientTolerance);
    });

    it("with adaptive sampling is the fixed one of each roi's own count, keeps the rows in order and leaves nothing behind", async () => {
      // Sides of 6, 13 and 20 cells: bins of 1, 2 and 3 samples, an empty roi between them.
      const boxes = [
        [0, 8, 8, 32, 32],
        [1, 0, 20, 80, 100],
        [0, 30, 30, 30, 60],
        [0, 10, 4, 62, 56],
        [1, 40, 44, 64, 68],
      ];
      const features = tensorOf(pattern([2, 26, 26, 3], 8));
      const dy = tf.tensor4d(Float32Array.from(pattern([5, 7, 7, 3], 9).data), [5, 7, 7, 3]);
      const evaluate = (rows: number[], samplingRatio: number) => {
        const rois = Float32Array.from(rows.flatMap((row) => boxes[row]!));
        const align = (x: Tensor) => roiAlign(x as Tensor4D, rois, { ...quarterScale, samplingRatio });
        return tf.valueAndGrad(align)(features, tf.gather(dy, tf.tensor1d(rows, 'int32')));
      };
      const held = engine.memory().numTensors;
      tf.engine().startScope();
      const adaptive = evaluate([0, 1, 2, 3, 4], 0);
      const [one, two, three] = [evaluate([0, 4], 1), evaluate([3], 2), evaluate([1], 3)];
      const row = async (value: Tensor, at: number) => values(tf.slice(value, [at, 0, 0, 0], [1, 7, 7, 3]));
      for (const [at, expected] of [
        [0, await row(one.value, 0)],
        [1, await row(three.value, 0)],
        [2, new Array(147).fill(0)],
        [3, await row(two.value, 0)],
        [4, await row(one.value, 1)],
      ] as const) {
        expect(await row(adaptive.value, at)).toEqual(expected);
      }
      const sum = tf.addN([one.grad, two.grad, three.grad]);
      await expectClose(adaptive.grad, await sum.data(), 1e-5);
      expect(Math.max(...(await values(tf.abs(sum))))).toBeGreaterThan(0.1);
      tf.engine().endScope();
      expect(engine.memory().numTensors).toBe(held);
    });

    it.runIf(isDeterministic)('gives the same gradient each time although hundreds of rois overlap', async () => {
      const corners = (i: number) => [i % 5, i % 3, 20 + (i % 7), 21 + (i % 2)].map((cells) => 4 * cells + 2);
      const rois = Float32Array.from(Array.from({ length: 600 }, (_, i) => [0, ...corners(i)]).flat());
      const features = tf.ones([1, 24, 28, 16]) as Tensor4D;
      const dy = tf.randomNormal([600, 7, 7, 16], 0, 1, 'float32', 5);
      const gradient = () => tf.grad((x) => roiAlign(x as Tensor4D, rois, quarterScale))(features, dy);
      const first = await values(gradient());
      for (let run = 0; run < 5; run++) expect(await values(gradient())).toEqual(first);
    });
  });

  it('a training step leaves no tensor behind and lowers its loss', async () => {
    const filter = tf.variable(tensorOf(pattern([3, 3, 3, 8], 4)));
    const scale = tf.variable(tf.ones([8]) as ReturnType<Tf['tensor1d']>);
    const offset = tf.variable(tf.zeros([8]) as ReturnType<Tf['tensor1d']>);
    const x = tensorOf(pattern([2, 12, 12, 3], 5));
    const rois = Float32Array.from([0, 0.5, 0.5, 4.5, 4.5, 1, 1.5, 1.5, 5.5, 3.5]);
    const options = { spatialScale: 1, outSize: 7, samplingRatio: 2, aligned: true };
    const step = async () => {
      const { value, grads } = await variableGradients(
        function* () {
          const features = maxPool3x3s2(
            relu(batchNormTrain(conv2dPadded(x, filter, 1, [1, 1, 1, 1]), scale, offset).y),
          );
          const pooled = roiAlign(features, rois, options);
          const largest = yield* read(tf.max(pooled));
          expect(largest[0]).toBeGreaterThan(0);
          return tf.mean(tf.square(tf.sub(pooled, 3)));
        },
        [filter, scale, offset],
      );
      for (const [name, variable] of [
        ['filter', filter],
        ['scale', scale],
        ['offset', offset],
      ] as const) {
        const gradient = grads[variable.name];
        if (!gradient) throw new Error(`no gradient for ${name}`);
        tf.tidy(() => variable.assign(tf.sub(variable, tf.mul(gradient, 0.1)) as never));
      }
      const loss = (await value.data())[0]!;
      tf.dispose([value, grads]);
      return loss;
    };
    const first = await step();
    const held = engine.memory().numTensors;
    let last = first;
    for (let i = 0; i < 10; i++) last = await step();
    expect(engine.memory().numTensors).toBe(held);
    expect(last).toBeLessThan(0.7 * first);
  });

  function tensorOf({ shape, data }: Array4): Tensor4D {
    // A copy: a tensor shares the memory of the array it was made from.
    return tf.tensor4d(Float32Array.from(data), shape);
  }

  function golden(name: string, shape: number[]): Tensor {
    return tf.tensor(goldenValues(name), shape);
  }

  function goldenValues(name: string): Float32Array {
    const bytes = readFileSync(new URL(`../golden/ops/roi_align/${name}.bin`, import.meta.url));
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  }
}

type Shape4 = [number, number, number, number];
interface Array4 {
  shape: Shape4;
  data: Float64Array;
}

/** Repeatable numbers in -1..1 without a visible order, exactly representable in float32. */
function pattern(shape: Shape4, seed: number): Array4 {
  let state = (seed * 2654435761) >>> 0;
  const data = Float64Array.from({ length: shape.reduce((a, b) => a * b) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state >>> 16) - 32768) / 32768;
  });
  return { shape, data };
}

/** The sum that defines a convolution and its two derivatives, in double precision. */
function convolutionByDefinition(
  x: Array4,
  filter: Array4,
  dy: Array4,
  stride: number,
  [top, , left]: readonly [number, number, number, number],
) {
  const [, height, width, channels] = x.shape;
  const [kernelHeight, kernelWidth, , outChannels] = filter.shape;
  const y = new Float64Array(dy.data.length);
  const dx = new Float64Array(x.data.length);
  const dFilter = new Float64Array(filter.data.length);
  const [images, outHeight, outWidth] = dy.shape;
  for (let n = 0; n < images; n++)
    for (let i = 0; i < outHeight; i++)
      for (let j = 0; j < outWidth; j++)
        for (let u = 0; u < kernelHeight; u++)
          for (let v = 0; v < kernelWidth; v++) {
            const row = i * stride + u - top;
            const column = j * stride + v - left;
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            for (let c = 0; c < channels; c++)
              for (let o = 0; o < outChannels; o++) {
                const at = ((n * height + row) * width + column) * channels + c;
                const tap = ((u * kernelWidth + v) * channels + c) * outChannels + o;
                const to = ((n * outHeight + i) * outWidth + j) * outChannels + o;
                y[to]! += x.data[at]! * filter.data[tap]!;
                dx[at]! += dy.data[to]! * filter.data[tap]!;
                dFilter[tap]! += dy.data[to]! * x.data[at]!;
              }
          }
  return { y, dx, dFilter };
}

/** Derivative of the normalisation, channel by channel: dx = scale / s * (dy - mean(dy) - xHat * mean(dy * xHat)). */
function batchNormGradient(x: Array4, dy: Array4, scale: number[], epsilon: number) {
  const channels = x.shape[3];
  const count = x.data.length / channels;
  const dx = new Float64Array(x.data.length);
  const dScale = new Float64Array(channels);
  const dOffset = new Float64Array(channels);
  for (let c = 0; c < channels; c++) {
    const own = Array.from({ length: count }, (_, i) => i * channels + c);
    const average = (of: (at: number) => number) => own.reduce((sum, at) => sum + of(at), 0) / count;
    const mean = average((at) => x.data[at]!);
    const deviation = Math.sqrt(average((at) => (x.data[at]! - mean) ** 2) + epsilon);
    const hat = (at: number) => (x.data[at]! - mean) / deviation;
    const meanDy = average((at) => dy.data[at]!);
    const meanDyHat = average((at) => dy.data[at]! * hat(at));
    dOffset[c] = meanDy * count;
    dScale[c] = meanDyHat * count;
    for (const at of own) dx[at] = (scale[c]! / deviation) * (dy.data[at]! - meanDy - hat(at) * meanDyHat);
  }
  return { dx, dScale, dOffset };
}
