import { z } from 'zod';

const fraction = z.number().min(0).max(1);

/** Shape of the network. Defaults are the paper's unless a note says otherwise (docs/reference/config.md). */
export const modelConfigSchema = z.strictObject({
  backbone: z
    .strictObject({
      /** Residual blocks per stage C2..C5; [2, 2, 2, 2] is the ResNet-18 layout. */
      blocks: z.tuple([z.int().min(1), z.int().min(1), z.int().min(1), z.int().min(1)]).default([2, 2, 2, 2]),
      /** Channels of C2; later stages double it. ResNet-18 has 64. */
      width: z.int().min(4).max(256).default(64),
    })
    .prefault({}),
  fpn: z.strictObject({ channels: z.int().min(8).max(512).default(256) }).prefault({}),
  anchors: z
    .strictObject({
      /** Side of the square anchor = scale x stride of its level. */
      scale: z.number().positive().default(8),
      /** Height / width. */
      ratios: z.array(z.number().positive()).min(1).default([0.5, 1, 2]),
    })
    .prefault({}),
  head: z
    .strictObject({
      fcChannels: z.int().min(16).max(4096).default(1024),
      /** One pair of fully connected layers for both branches (Faster R-CNN) or one pair each (Decoupled R-CNN). */
      shared: z.boolean().default(false),
      roiSize: z.int().min(3).max(14).default(7),
      samplingRatio: z.int().min(1).max(4).default(2),
    })
    .prefault({}),
  /** `decoupled`: two proposal sets and positive-only regression sampling; `faster`: one set and one sampler. */
  kind: z.enum(['decoupled', 'faster']).default('decoupled'),
  /** Number n of cascaded regressors, 1..4. */
  regressors: z.int().min(1).max(4).default(3),
});

export const proposalConfigSchema = z.strictObject({
  nmsClassification: fraction.default(0.7),
  nmsRegression: fraction.default(0.85),
  trainPreNms: z.int().positive().default(2000),
  trainPostNms: z.int().positive().default(1000),
  testPreNms: z.int().positive().default(1000),
  testPostNms: z.int().positive().default(1000),
});

export const samplingConfigSchema = z.strictObject({
  rpnPerImage: z.int().positive().default(256),
  rpnPositiveFraction: fraction.default(0.5),
  roisPerImage: z.int().positive().default(512),
  roiPositiveFraction: fraction.default(0.25),
});

export const lossConfigSchema = z.strictObject({
  /** Weight of every regression loss; null = 1 for n = 1 and 0.5 for n > 1 (paper, Eq. 8). */
  lambda: z.number().positive().nullable().default(null),
  /** Factor per regressor; [1, 1, 1, 1] is Eq. 8, [1, .5, .25, .125] the released code's. */
  stageWeights: z.tuple([z.number(), z.number(), z.number(), z.number()]).default([1, 1, 1, 1]),
});

export const testConfigSchema = z.strictObject({
  scoreThreshold: fraction.default(0.05),
  nmsIou: fraction.default(0.5),
  maxDetections: z.int().positive().default(100),
});

export const scheduleConfigSchema = z.strictObject({
  epochs: z.number().positive().default(12),
  batchSize: z.int().positive().default(8),
  learningRate: z.number().positive().default(0.01),
  warmupSteps: z.int().nonnegative().default(500),
  decay: z.enum(['cosine', 'constant']).default('cosine'),
  momentum: fraction.default(0.9),
  weightDecay: z.number().nonnegative().default(1e-4),
  clipGradientNorm: z.number().positive().nullable().default(10),
  checkpointEverySteps: z.int().positive().default(100),
});

export const augmentConfigSchema = z.strictObject({
  flipHorizontal: z.boolean().default(true),
  flipVertical: z.boolean().default(false),
  transpose: z.boolean().default(false),
});

/** `train.yaml`: how a model is made. */
export const trainConfigSchema = z.strictObject({
  seed: z.int().nonnegative().default(1),
  /** Class names in id order; taken from the dataset when absent. */
  classes: z.array(z.string().min(1)).min(1).optional(),
  /** Height and width that images are resized to for the network, px, multiples of 32. */
  imageSizeHw: z.tuple([z.int().multipleOf(32), z.int().multipleOf(32)]),
  normalization: z
    .strictObject({
      mean: z.tuple([z.number(), z.number(), z.number()]),
      std: z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]),
    })
    .default({ mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5] }),
  model: modelConfigSchema.prefault({}),
  proposals: proposalConfigSchema.prefault({}),
  sampling: samplingConfigSchema.prefault({}),
  loss: lossConfigSchema.prefault({}),
  test: testConfigSchema.prefault({}),
  schedule: scheduleConfigSchema.prefault({}),
  augment: augmentConfigSchema.prefault({}),
});

export type TrainConfig = z.infer<typeof trainConfigSchema>;
export type ModelConfig = z.infer<typeof modelConfigSchema>;
