import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TrainConfig, trainConfigSchema } from '@plumbline/contract';
import { createRandom } from '@plumbline/core/random';
import { writeSafetensors } from '@plumbline/core/safetensors';

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

/** Every parameter of a detector under its checkpoint name, He-scaled; batch norm near identity. */
export function randomWeights(config: TrainConfig, classCount: number, seed = 7) {
  const random = createRandom(seed);
  const tensors = new Map<string, { shape: number[]; data: Float32Array }>();
  const add = (name: string, shape: number[], value: () => number) => {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, value);
    tensors.set(name, { shape, data });
  };
  const weight = (name: string, shape: number[], gain = Math.SQRT2) => {
    const std = gain / Math.sqrt(shape.slice(1).reduce((a, b) => a * b, 1));
    add(`${name}.weight`, shape, () => std * random.normal());
  };
  const layer = (name: string, shape: number[], gain?: number) => {
    weight(name, shape, gain);
    add(`${name}.bias`, [shape[0]!], () => 0.05 * random.normal());
  };
  const norm = (name: string, channels: number) => {
    add(`${name}.weight`, [channels], () => 0.7 + 0.2 * random.next());
    add(`${name}.bias`, [channels], () => 0.1 * random.normal());
    add(`${name}.running_mean`, [channels], () => 0.1 * random.normal());
    add(`${name}.running_var`, [channels], () => 0.8 + 0.4 * random.next());
  };
  const { backbone, fpn, head, anchors, regressors } = config.model;
  weight('backbone.conv1', [backbone.width, 3, 7, 7]);
  norm('backbone.bn1', backbone.width);
  let inputs = backbone.width;
  for (const [stage, blocks] of backbone.blocks.entries()) {
    const outputs = backbone.width * 2 ** stage;
    for (let block = 0; block < blocks; block++) {
      const path = `backbone.layer${stage + 1}.${block}`;
      weight(`${path}.conv1`, [outputs, inputs, 3, 3]);
      norm(`${path}.bn1`, outputs);
      weight(`${path}.conv2`, [outputs, outputs, 3, 3]);
      norm(`${path}.bn2`, outputs);
      if (inputs !== outputs) {
        weight(`${path}.downsample.0`, [outputs, inputs, 1, 1]);
        norm(`${path}.downsample.1`, outputs);
      }
      inputs = outputs;
    }
    layer(`neck.lateral_convs.${stage}`, [fpn.channels, outputs, 1, 1], 1);
    layer(`neck.fpn_convs.${stage}`, [fpn.channels, fpn.channels, 3, 3], 1);
  }
  layer('rpn_head.rpn_conv', [fpn.channels, fpn.channels, 3, 3]);
  layer('rpn_head.rpn_cls', [anchors.ratios.length, fpn.channels, 1, 1]);
  layer('rpn_head.rpn_reg', [4 * anchors.ratios.length, fpn.channels, 1, 1], 0.2);
  const flat = fpn.channels * head.roiSize * head.roiSize;
  const fcs = (path: string) => {
    layer(`${path}.fc1`, [head.fcChannels, flat]);
    layer(`${path}.fc2`, [head.fcChannels, head.fcChannels]);
  };
  for (let stage = 1; stage <= regressors; stage++) {
    const path = `roi_head.stage${stage}`;
    if (stage === 1 && head.shared) fcs(`${path}.shared_fcs`);
    if (stage === 1 && !head.shared) fcs(`${path}.cls_fcs`);
    if (stage > 1 || !head.shared) fcs(`${path}.reg_branch`);
    if (stage === 1) layer(`${path}.fc_cls`, [classCount + 1, head.fcChannels], 0.5);
    layer(`${path}.fc_reg`, [stage === 1 ? 4 * classCount : 4, head.fcChannels], 0.3);
  }
  return tensors;
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
