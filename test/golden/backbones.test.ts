import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { backboneConfigSchema } from '@plumbline/contract';
import { createRandom } from '@plumbline/core/random';
import { loadEngine } from '@plumbline/train/engines';
import { backbone, createBackbone, importWeights, inferenceContext, ParameterStore } from '@plumbline/train/model';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { goldenFolder } from '../fixtures/golden.js';
import { trainingEngines } from '../fixtures/training-engines.js';

// Outputs of torchvision's ResNet code (torch 1.13, float32); tolerance 1e-4 of the largest value, see the README there.
const { folder: golden, load } = goldenFolder('decoupled-rcnn', 'backbones');

describe.each(trainingEngines)('backbones on %s', (engine) => {
  beforeAll(async () => void (await loadEngine(engine)));

  it.each(['basic34', 'bottleneck', 'resnext'])('computes C2 to C5 of %s as torchvision', (name) => {
    const { block, layers, width, groups, base_width, out_channels } = JSON.parse(
      readFileSync(join(golden, name, 'config.json'), 'utf8'),
    );
    const store = new ParameterStore(createRandom(1));
    const config = backboneConfigSchema.parse({ block, blocks: layers, width, groups, baseWidth: base_width });
    const parameters = createBackbone(store, config);
    const stored = [...load(`${name}/weights.safetensors`)].map(([key, value]) => [`backbone.${key}`, value] as const);
    importWeights(store.parameters, new Map(stored), name);
    const io = load(`${name}/io.safetensors`);
    const input = io.get('input')!;
    tf.tidy(() => {
      const nchw = tf.tensor4d(input.data as Float32Array, input.shape as [number, number, number, number]);
      const images = tf.transpose(nchw, [0, 2, 3, 1]) as tf.Tensor4D;
      const outputs = backbone(images, parameters, inferenceContext);
      expect(outputs.map((c) => c.shape[3])).toEqual(out_channels);
      for (const [i, c] of outputs.entries()) {
        const expected = io.get(`C${i + 2}`)!.data as Float32Array;
        const actual = tf.transpose(c, [0, 3, 1, 2]).dataSync();
        expect(actual.length).toBe(expected.length);
        const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        const error = actual.reduce((most, value, k) => Math.max(most, Math.abs(value - expected[k]!)), 0);
        expect(error, `C${i + 2}`).toBeLessThan(1e-4 * scale);
      }
    });
    for (const parameter of store.parameters) parameter.variable.dispose();
  });
});
