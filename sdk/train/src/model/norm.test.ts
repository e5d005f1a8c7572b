import { backboneConfigSchema } from '@plumbline/contract';
import { createRandom } from '@plumbline/core/random';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { findTensorflow, loadEngine } from '../engines/index.js';
import { backbone, createBackbone } from './backbone.js';
import type { ForwardContext } from './layers.js';
import { ParameterStore } from './parameters.js';

const engines = (['wasm', 'tensorflow'] as const).filter((name) => name === 'wasm' || findTensorflow());
const tiny = { blocks: [1, 1, 1, 1], width: 8 };
const training = (): ForwardContext => ({ training: true, batchStatistics: [] });

function build(settings: object) {
  const store = new ParameterStore(createRandom(3));
  const parameters = createBackbone(store, backboneConfigSchema.parse({ ...tiny, ...settings }));
  const byName = new Map(store.parameters.map((parameter) => [parameter.name, parameter]));
  const variables = store.parameters.filter((p) => p.trainable).map((p) => p.variable);
  return { parameters, byName, variables };
}

describe.each(engines)('norms of the backbone on %s', (engine) => {
  let images: tf.Tensor4D;

  beforeAll(async () => {
    await loadEngine(engine);
    const random = createRandom(5);
    images = tf.tensor4d(
      Float32Array.from({ length: 2 * 32 * 64 * 3 }, () => random.normal()),
      [2, 32, 64, 3],
    );
  });

  const loss = (parameters: ReturnType<typeof build>['parameters'], context: ForwardContext, x = images) =>
    tf.addN(backbone(x, parameters, context).map((c) => tf.mean(tf.square(c)))) as tf.Scalar;

  it.each([
    { norm: 'group', groupNormGroups: 4 },
    { norm: 'frozenBatch' },
    { norm: 'frozenBatch', block: 'bottleneck' },
    { norm: 'frozenBatch', block: 'bottleneck', groups: 4, baseWidth: 16 },
  ])('gradients with %o agree with finite differences', (settings) => {
    const { parameters, byName, variables } = build(settings);
    const { value, grads } = tf.variableGrads(() => loss(parameters, training()), variables);
    value.dispose();
    for (const name of [
      'backbone.conv1.weight',
      'backbone.bn1.weight',
      'backbone.layer1.0.conv2.weight',
      'backbone.layer2.0.conv2.weight',
      'backbone.layer3.0.bn2.bias',
      'backbone.layer4.0.downsample.0.weight',
    ]) {
      const { variable } = byName.get(name)!;
      const gradient = grads[variable.name]!;
      // Along the gradient itself the slope is its squared norm; one direction covers every element.
      const norm = Math.sqrt(tf.tidy(() => tf.sum(tf.square(gradient)).dataSync()[0]!));
      expect(norm, name).toBeGreaterThan(0);
      const before = variable.clone();
      const step = 2e-3;
      const at = (sign: number) =>
        tf.tidy(() => {
          variable.assign(tf.add(before, tf.mul(gradient, (sign * step) / norm)));
          return loss(parameters, training()).dataSync()[0]!;
        });
      const slope = (at(1) - at(-1)) / (2 * step);
      variable.assign(before);
      expect(Math.abs(slope / norm - 1), name).toBeLessThan(0.02);
    }
  });

  it('group norm does not depend on the other images of a batch, in training as at test', () => {
    const { parameters } = build({ norm: 'group', groupNormGroups: 2 });
    tf.tidy(() => {
      const first = tf.slice(images, [0, 0, 0, 0], [1, 32, 64, 3]);
      const alone = backbone(first, parameters, { training: false, batchStatistics: [] });
      const together = backbone(images, parameters, training());
      for (const [i, c] of alone.entries()) {
        const same = tf.slice(together[i]!, [0, 0, 0, 0], c.shape);
        expect(tf.max(tf.abs(tf.sub(c, same))).dataSync()[0]).toBeLessThan(1e-5);
      }
    });
  });

  it('frozen batch norm uses its stored statistics in training and offers none for the running averages', () => {
    const { parameters, byName } = build({ norm: 'frozenBatch' });
    byName.get('backbone.bn1.running_mean')!.variable.assign(tf.fill([8], 0.3));
    byName.get('backbone.bn1.running_var')!.variable.assign(tf.fill([8], 2));
    const context = training();
    tf.tidy(() => {
      const frozen = backbone(images, parameters, context);
      const test = backbone(images, parameters, { training: false, batchStatistics: [] });
      for (const [i, c] of frozen.entries())
        expect(tf.max(tf.abs(tf.sub(c, test[i]!))).dataSync()[0]).toBeLessThan(1e-4);
    });
    expect(context.batchStatistics).toEqual([]);
  });

  it('frozenStages 1 trains nothing of the stem and the first stage, statistics included', () => {
    const { parameters, byName } = build({ norm: 'batch', frozenStages: 1 });
    const isFrozen = (name: string) => /^backbone\.(conv1|bn1|layer1)\b/.test(name);
    for (const [name, parameter] of byName)
      expect(parameter.trainable, name).toBe(!isFrozen(name) && !/running_/.test(name));
    const context = training();
    tf.tidy(() => loss(parameters, context));
    // layer2 to layer4 of one basic block each: two norms and the shortcut's.
    expect(context.batchStatistics).toHaveLength(9);
    for (const { mean, variance } of context.batchStatistics) tf.dispose([mean, variance]);
  });
});
