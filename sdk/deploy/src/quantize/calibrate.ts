import { type ModelInput, PlumblineError } from '@plumbline/contract';
import type { ImageRgb } from '@plumbline/core/image';
import { readImageRgb, type SampleRef } from '@plumbline/data/dataset';
import { encodeModel, type OnnxModel } from '@plumbline/runtime/onnx';
import { createFrameRunner } from '@plumbline/runtime/session';
import { extremesOf, withExtremes, withOutputs } from './extra-outputs.js';
import {
  type CalibrationMethod,
  type CollectorOptions,
  createCollector,
  type Range,
  type RangeCollector,
} from './range-collectors.js';

/** An image and the name that errors give it. */
export interface CalibrationImage {
  readonly name: string;
  readonly image: ImageRgb;
}

export interface CalibrationOptions extends CollectorOptions {
  readonly method: CalibrationMethod;
  /** What the graph takes. */
  readonly input: ModelInput;
  readonly onImage?: (done: number) => void;
}

/**
 * Ranges of values over images, one image in memory at a time. With `minmax` the graph itself returns the extremes; the
 * other methods see every number of every value once.
 * @throws {PlumblineError} PLB_DEPLOY_CALIBRATION_EMPTY without an image, PLB_DEPLOY_CALIBRATION_NOT_FINITE naming value
 *   and image
 */
export async function measureRanges(
  model: OnnxModel,
  values: readonly string[],
  images: AsyncIterable<CalibrationImage>,
  { method, input, onImage, ...options }: CalibrationOptions,
): Promise<Map<string, Range>> {
  const isOfExtremes = method === 'minmax';
  const runner = await createFrameRunner(
    encodeModel(isOfExtremes ? withExtremes(model, values) : withOutputs(model, values)),
    input,
  );
  const collectors = new Map(
    values.map((value): [string, RangeCollector] => [value, createCollector(method, options)]),
  );
  const outputs = isOfExtremes ? values.flatMap((value) => extremesOf(value)) : values;
  let done = 0;
  try {
    for await (const { name, image } of images) {
      const results = await runner.run(image, outputs);
      for (const [value, collector] of collectors) {
        const parts = isOfExtremes ? extremesOf(value) : [value];
        for (const part of parts) {
          const numbers = results.get(part)!;
          // A value without rows has no extremes: ReduceMin of nothing is infinite.
          if (isOfExtremes && Math.abs(numbers[0]!) === Number.POSITIVE_INFINITY) continue;
          if (!hasFiniteSum(numbers))
            throw new PlumblineError('PLB_DEPLOY_CALIBRATION_NOT_FINITE', { value, image: name });
          collector.add(numbers);
        }
      }
      done++;
      onImage?.(done);
    }
  } finally {
    await runner.dispose();
  }
  if (done === 0) throw new PlumblineError('PLB_DEPLOY_CALIBRATION_EMPTY', {});
  return new Map([...collectors].map(([value, collector]) => [value, collector.range()]));
}

/** Whether the sum is: one NaN or infinity makes it so, and a sum of finite float32 values cannot overflow float64. */
function hasFiniteSum(numbers: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < numbers.length; i++) sum += numbers[i]!;
  return Number.isFinite(sum);
}

/** Images of a dataset as {@link measureRanges} takes them, each read when its turn comes. */
export async function* calibrationImages(
  samples: readonly Pick<SampleRef, 'file'>[],
): AsyncGenerator<CalibrationImage> {
  for (const { file } of samples) yield { name: file, image: await readImageRgb(file) };
}
