import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { concatFloat32 } from '@plumbline/core/geometry';
import { readSafetensors } from '@plumbline/core/safetensors';
import {
  type CalibrationMethod,
  createCollector,
  GraphView,
  planQdq,
  type QdqSettings,
  type Range,
  withOutputs,
  writeQdq,
} from '@plumbline/deploy/quantize';
import { dataType, decodeModel, encodeModel, type OnnxModel, toNumber } from '@plumbline/runtime/onnx';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';

/** ONNX Runtime's Python quantizer, see README.md of the folder. Another folder of cases: PLUMBLINE_GOLDEN. */
const folder = join(process.env.PLUMBLINE_GOLDEN ?? import.meta.dirname, 'quantize');

interface GoldenRanges {
  readonly method: 'MinMax' | 'Entropy' | 'Percentile';
  readonly options: Readonly<Record<string, number | boolean>>;
  readonly collect_calls: number;
  readonly tensors: Readonly<Record<string, readonly [number, number]>>;
}

interface GoldenModel {
  readonly file: string;
  readonly ranges: string;
  readonly args: { readonly activation_type: string; readonly per_channel?: boolean; readonly reduce_range?: boolean };
  readonly extra_options: Readonly<Record<string, unknown>>;
  readonly nodes: readonly (readonly [type: string, inputs: readonly string[], outputs: readonly string[]])[];
  readonly qdq: Readonly<Record<string, { scale_name: string; scale: number[]; zero_point: number[]; axis: number | null }>>;
  readonly integer_initializers: readonly string[];
}

const { ranges, models } = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as {
  ranges: Record<string, GoldenRanges>;
  models: Record<string, GoldenModel>;
};
const data = readSafetensors(new Uint8Array(readFileSync(join(folder, 'data.safetensors'))), 'data.safetensors').tensors;
const read = (file: string) => decodeModel(new Uint8Array(readFileSync(join(folder, file))), file);
const float = read('float-preprocessed.onnx');

/** Each output over all images, one after the other. */
async function run(model: OnnxModel, images: string, optimization: 'disabled' | 'all') {
  const session = await InferenceSession.create(encodeModel(model), {
    graphOptimizationLevel: optimization,
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const { data: pixels, shape } = data.get(images)!;
  const size = pixels.length / shape[0]!;
  const outputs = new Map<string, Float32Array[]>();
  for (let i = 0; i < shape[0]!; i++) {
    const image = (pixels as Float32Array).slice(i * size, (i + 1) * size);
    const feeds = { [session.inputNames[0]!]: new Tensor('float32', image, [1, ...shape.slice(1)]) };
    for (const [name, tensor] of Object.entries(await session.run(feeds))) {
      outputs.set(name, [...(outputs.get(name) ?? []), tensor.data as Float32Array]);
    }
  }
  await session.release();
  return new Map([...outputs].map(([name, parts]) => [name, concatFloat32(parts)]));
}

describe('ranges from calibration', () => {
  const method = { MinMax: 'minmax', Entropy: 'entropy', Percentile: 'percentile' } as const;
  let values: Awaited<ReturnType<typeof run>>;
  beforeAll(async () => {
    const names = Object.keys(Object.values(ranges)[0]!.tensors);
    values = await run(withOutputs(float, names), 'calibration', 'disabled');
    values.set('input', data.get('calibration')!.data as Float32Array);
  });

  // The moving average over batches is not offered: its result depends on the order of the images.
  it.each(Object.keys(ranges).filter((name) => !ranges[name]!.options.moving_average))('%s', (name) => {
    const { options, collect_calls: calls, tensors } = ranges[name]!;
    const kind: CalibrationMethod = method[ranges[name]!.method];
    const isSymmetric = options.symmetric === true;
    for (const [tensor, [low, high]] of Object.entries(tensors)) {
      const all = values.get(tensor)!;
      const collector = createCollector(kind, {
        isSymmetric,
        bins: Number(options.num_bins ?? 128),
        quantizedBins: Number(options.num_quantized_bins ?? 128),
        percentile: Number(options.percentile ?? 99.999),
      });
      const part = all.length / calls;
      for (let i = 0; i < calls; i++) collector.add(all.subarray(i * part, (i + 1) * part));
      let found: Range = collector.range();
      if (kind === 'minmax' && isSymmetric) {
        const magnitude = Math.max(Math.abs(found.low), Math.abs(found.high));
        found = { low: -magnitude, high: magnitude };
      }
      const magnitude = Math.max(Math.abs(all.reduce((a, b) => Math.min(a, b))), all.reduce((a, b) => Math.max(a, b)));
      const bin = (2 * magnitude) / Number(options.num_bins ?? 128);
      const tolerance = kind === 'minmax' ? 1e-5 * magnitude : kind === 'percentile' ? bin : 2 * bin;
      expect(Math.abs(found.low - low), `${tensor} low ${found.low} ${low}`).toBeLessThanOrEqual(tolerance * 1.0001);
      expect(Math.abs(found.high - high), `${tensor} high ${found.high} ${high}`).toBeLessThanOrEqual(tolerance * 1.0001);
    }
  });
});

function settingsOf({ args, extra_options: extra }: GoldenModel): QdqSettings {
  const isTensorrt = extra.QuantizeBias === false;
  return {
    activation: {
      type: args.activation_type === 'QInt8' ? 'int8' : 'uint8',
      isSymmetric: extra.ActivationSymmetric === true,
    },
    weight: { type: 'int8', isSymmetric: true, isReduced: args.reduce_range === true },
    isPerChannel: args.per_channel === true,
    hasQuantizedOutputs: !isTensorrt,
    hasIntegerBias: !isTensorrt,
    hasWeightPairs: extra.AddQDQPairToWeight === true,
  };
}

function quantize(golden: GoldenModel): OnnxModel {
  const view = new GraphView(float, 'float-preprocessed.onnx');
  const measured = new Map(
    Object.entries(ranges[golden.ranges]!.tensors).map(([tensor, [low, high]]) => [tensor, { low, high }]),
  );
  const plan = planQdq(view, new Set(view.nodes.map((node) => node.name)), settingsOf(golden));
  return writeQdq(view, plan, measured);
}

describe.each(Object.keys(models))('quantized model %s', (name) => {
  const golden = models[name]!;
  const own = quantize(golden);
  const constants = new Map(own.graph.initializer.map((tensor) => [tensor.name, tensor]));
  const floats = (constant: string) => new Float32Array(Uint8Array.from(constants.get(constant)!.raw_data!).buffer);

  it('has the same operations on the same values', () => {
    const shown = (type: string, inputs: readonly string[], outputs: readonly string[]) =>
      `${type}(${inputs.join(', ')}) -> ${outputs.join(', ')}`;
    const expected = golden.nodes.map(([type, inputs, outputs]) => shown(type, inputs, outputs));
    const found = own.graph.node.map((node) => shown(node.op_type, node.input, node.output));
    expect(found.sort()).toEqual(expected.sort());
  });

  it('has the same scales, zero points and axes', () => {
    for (const [key, { scale_name: scaleName, scale, zero_point: zeroPoint, axis }] of Object.entries(golden.qdq)) {
      const found = floats(scaleName);
      expect(found.length, key).toBe(scale.length);
      for (const [i, value] of scale.entries()) expect(Math.abs(found[i]! / value - 1), key).toBeLessThan(1e-6);
      const tensor = constants.get(scaleName.replace(/scale$/, 'zero_point'))!;
      const bytes = Uint8Array.from(tensor.raw_data!).buffer;
      const integers = { [dataType.int8]: Int8Array, [dataType.uint8]: Uint8Array, [dataType.int32]: Int32Array };
      expect([...new integers[tensor.data_type as keyof typeof integers]!(bytes)], key).toEqual(zeroPoint);
      const [type, input] = key.split(':');
      const node = own.graph.node.find((candidate) => candidate.op_type === type && candidate.input[0] === input)!;
      const along = node.attribute.find((attribute) => attribute.name === 'axis')?.i;
      expect(along === undefined ? null : toNumber(along), key).toBe(axis);
    }
  });

  it('has the same integer weights and biases', () => {
    for (const constant of golden.integer_initializers) {
      const stored = data.get(`${name}.${constant}`)!.data;
      const bytes = Uint8Array.from(constants.get(constant)!.raw_data!).buffer;
      const found = constant.includes('.bias') ? new Int32Array(bytes) : new Int8Array(bytes);
      expect([...found], constant).toEqual([...(stored as Int8Array)]);
    }
  });

  it.each(['disabled', 'all'] as const)('computes the same with optimisation %s', async (optimization) => {
    const results = await run(own, 'test', optimization);
    const level = optimization === 'all' ? 'ORT_ENABLE_ALL' : 'ORT_DISABLE_ALL';
    const expected = data.get(`${name}.logits.${level}`)!.data as Float32Array;
    const found = results.get('logits')!;
    const quantum = golden.qdq['DequantizeLinear:logits_QuantizeLinear_Output']?.scale[0] ?? 0.08;
    const worst = found.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0);
    expect(worst).toBeLessThanOrEqual(quantum * (optimization === 'all' ? 3.01 : 1.01));
  });
});
