import type { ModelInput } from '@plumbline/contract';
import type { ImageRgb } from '@plumbline/core/image';
import { encodeModel } from '@plumbline/runtime/onnx';
import { createFrameRunner } from '@plumbline/runtime/session';
import { withOutputs } from './extra-outputs.js';
import type { Quantizer } from './quantizer.js';

/**
 * Signal to quantization noise ratio of what each layer returns when it alone is quantized, dB: ten times the logarithm of
 * the sum of squares over the sum of squared errors, over all images.
 * @param input what the graph takes
 * @returns by layer, in the order of the graph
 */
export async function measureLayerNoise(
  quantizer: Quantizer,
  input: ModelInput,
  images: readonly ImageRgb[],
  onLayer: (done: number) => void = () => {},
): Promise<Map<string, number>> {
  const { view, layers } = quantizer;
  const all = [...new Set(layers.flatMap((layer) => quantizer.outputsOf(layer)))];
  const float = await createFrameRunner(encodeModel(withOutputs(view.model, all)), input);
  const noise = new Map<string, number>();
  try {
    for (const [i, layer] of layers.entries()) {
      const values = quantizer.outputsOf(layer);
      const model = quantizer.only(layer);
      const present = new Set(model.graph.node.flatMap((node) => node.output));
      const quantized = values.map((value) => {
        const dequantized = `${value}_DequantizeLinear_Output`;
        return view.isOutput(value) || !present.has(dequantized) ? value : dequantized;
      });
      const runner = await createFrameRunner(encodeModel(withOutputs(model, quantized)), input);
      let signal = 0;
      let error = 0;
      try {
        for (const image of images) {
          const expected = await float.run(image, values);
          const found = await runner.run(image, quantized);
          values.forEach((value, k) => {
            const [a, b] = [expected.get(value)!, found.get(quantized[k]!)!];
            for (let j = 0; j < a.length; j++) {
              signal += a[j]! * a[j]!;
              error += (a[j]! - b[j]!) ** 2;
            }
          });
        }
      } finally {
        await runner.dispose();
      }
      noise.set(layer.name, error > 0 ? 10 * Math.log10(signal / error) : Number.POSITIVE_INFINITY);
      onLayer(i + 1);
    }
  } finally {
    await float.dispose();
  }
  return noise;
}
