import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TrainConfig, trainConfigSchema } from '@plumbline/contract';
import { createRandom } from '@plumbline/core/random';
import { writeSafetensors } from '@plumbline/core/safetensors';
import { createModelParts, type Parameter, ParameterStore } from '@plumbline/train/model';

/** A detector of the smallest useful size: its graph has every part of a large one. */
export const tinyConfig: TrainConfig = trainConfigSchema.parse({
  imageSizeHw: [96, 128],
  normalization: { mean: [120, 115, 105], std: [58, 57, 56] },
  model: {
    backbone: { blocks: [1, 1, 1, 1], width: 8 },
    fpn: { channels: 16 },
    head: { fcChannels: 32 },
    regressors: 3,
  },
  proposals: { testPreNms: 100, testPostNms: 50 },
  test: { scoreThreshold: 0.05 },
});

/** Spread of a layer's weights over that of a layer that keeps the size of what it is given. */
const gains: readonly [name: RegExp, gain: number][] = [
  [/^neck\./, 1],
  [/rpn_reg/, 0.2],
  [/fc_cls/, 0.5],
  [/fc_reg/, 0.3],
];

/** Every parameter of a detector under its checkpoint name, He-scaled; batch norm near identity. */
export function randomWeights({ model }: Pick<TrainConfig, 'model'>, classCount: number, seed = 7) {
  const random = createRandom(seed);
  const store = ParameterStore.ofShapes();
  createModelParts(store, model, classCount);
  return new Map(
    store.parameters.map((parameter) => {
      const { name } = parameter;
      const shape = checkpointShape(parameter);
      const fanIn = shape.slice(1).reduce((product, side) => product * side, 1);
      const gain = gains.find(([pattern]) => pattern.test(name))?.[1] ?? Math.SQRT2;
      const value = () => {
        if (name.endsWith('running_var')) return 0.8 + 0.4 * random.next();
        if (/running_mean$/.test(name)) return 0.1 * random.normal();
        if (/bias$/.test(name)) return 0.05 * random.normal();
        if (shape.length === 1) return 0.7 + 0.2 * random.next();
        return (gain / Math.sqrt(fanIn)) * random.normal();
      };
      const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, value);
      return [name, { dtype: 'F32' as const, shape, data }];
    }),
  );
}

/** In PyTorch's order of axes. */
function checkpointShape({ kind, shape }: Parameter): number[] {
  if (kind === 'vector') return [...shape];
  const [outputs, ...inputs] = [...shape].reverse() as [number, ...number[]];
  return kind === 'conv' ? [outputs, inputs[0]!, shape[0]!, shape[1]!] : [outputs, ...inputs];
}

/** Writes a checkpoint folder as `plumbline train` leaves it. */
export function writeRandomCheckpoint(
  dir: string,
  config: TrainConfig,
  classes: readonly string[],
  seed?: number,
): void {
  mkdirSync(dir, { recursive: true });
  const header = { schema: 'plumbline.checkpoint/1', config, classes, step: 0, runId: 'random' };
  writeFileSync(join(dir, 'config.json'), JSON.stringify(header));
  writeFileSync(join(dir, 'weights.safetensors'), writeSafetensors(randomWeights(config, classes.length, seed)));
}
