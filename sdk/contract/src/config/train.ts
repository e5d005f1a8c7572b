import { z } from 'zod';
import { backboneConfigSchema } from './backbone.js';

const fraction = z.number().min(0).max(1);
const says = (description: string) => ({ description });

/** Shape of the network. */
export const modelConfigSchema = z.strictObject({
  kind: z
    .enum(['decoupled', 'faster'])
    .default('decoupled')
    .meta(
      says(
        'decoupled: two proposal sets and positive-only regression sampling; faster: one set and one sampler (Faster R-CNN with FPN).',
      ),
    ),
  regressors: z
    .int()
    .min(1)
    .max(4)
    .default(3)
    .meta(says('Number n of cascaded regressors; 3 is the best AP of the paper (Table IV).')),
  backbone: backboneConfigSchema.prefault({}),
  fpn: z
    .strictObject({ channels: z.int().min(8).max(512).default(256).meta(says('Channels of P2 to P6.')) })
    .prefault({}),
  anchors: z
    .strictObject({
      scale: z
        .number()
        .positive()
        .default(8)
        .meta(says('Side of the square anchor divided by the stride of its level: 8 gives 32 px on P2.')),
      ratios: z.array(z.number().positive()).min(1).default([0.5, 1, 2]).meta(says('Height / width.')),
    })
    .prefault({}),
  head: z
    .strictObject({
      fcChannels: z
        .int()
        .min(16)
        .max(4096)
        .default(1024)
        .meta(says('Outputs of each fully connected layer of a branch.')),
      shared: z
        .boolean()
        .default(false)
        .meta(says('One pair of fully connected layers for both branches of stage 1, or one pair each (Table II).')),
      roiSize: z.int().min(3).max(14).default(7).meta(says('Cells that a region is pooled to, each side.')),
      samplingRatio: z
        .int()
        .min(0)
        .max(4)
        .default(2)
        .meta(
          says(
            'RoIAlign samples per cell and side. 0 is adaptive (cell size on the map, rounded up): the published setting, slower and without a fixed cost.',
          ),
        ),
      aligned: z
        .boolean()
        .default(true)
        .meta(says('Shift RoIAlign by half a cell (mmdetection, Detectron2 V2); false is as torchvision trains.')),
    })
    .prefault({}),
});

export const proposalConfigSchema = z.strictObject({
  nmsClassification: fraction.default(0.7).meta(says('IoU threshold T_cls of the proposals that are classified.')),
  nmsRegression: fraction
    .default(0.85)
    .meta(says('IoU threshold T_reg of the proposals that are regressed, in training (Table III).')),
  trainPreNms: z.int().positive().default(2000).meta(says('Best anchors per level before suppression, in training.')),
  trainPostNms: z.int().positive().default(1000).meta(says('Proposals kept of each set, in training.')),
  testPreNms: z.int().positive().default(1000).meta(says('Best anchors per level before suppression, at test.')),
  testPostNms: z.int().positive().default(1000).meta(says('Proposals kept at test; fewer are faster.')),
});

export const samplingConfigSchema = z.strictObject({
  rpnPerImage: z.int().positive().default(256).meta(says('Anchors sampled per image.')),
  rpnPositiveFraction: fraction.default(0.5).meta(says('Largest share of positives among them.')),
  roisPerImage: z
    .int()
    .positive()
    .default(512)
    .meta(says('Rows N of each sampler and divisor of the regression losses.')),
  roiPositiveFraction: fraction.default(0.25).meta(says('Largest share of positives of the classification sampler.')),
});

export const lossConfigSchema = z.strictObject({
  lambda: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .meta(
      says('Weight of every regression loss; null gives 1 for one regressor and 0.5 for several (Eq. 8, Table VI).'),
    ),
  stageWeights: z
    .tuple([z.number(), z.number(), z.number(), z.number()])
    .default([1, 1, 1, 1])
    .meta(says('Factor per regressor: all 1 is Eq. 8; 1, 0.5, 0.25, 0.125 is the released code.')),
});

export const testConfigSchema = z.strictObject({
  scoreThreshold: fraction.default(0.05).meta(says('Lowest score of a final box.')),
  nmsIou: fraction.default(0.5).meta(says('IoU above which the weaker of two boxes of a class goes.')),
  maxDetections: z.int().positive().default(100).meta(says('Final boxes per image.')),
});

export const scheduleConfigSchema = z.strictObject({
  epochs: z.number().positive().default(12),
  batchSize: z.int().positive().default(8).meta(says('Images of one step.')),
  learningRate: z.number().positive().default(0.01).meta(says("Peak; 0.01 at batch 8 is the authors' setting.")),
  warmupSteps: z.int().nonnegative().default(500).meta(says('Steps of linear rise from a thousandth of the peak.')),
  decay: z
    .enum(['cosine', 'constant'])
    .default('cosine')
    .meta(says('After the warm-up: to zero along a cosine, or none.')),
  momentum: fraction.default(0.9),
  weightDecay: z.number().nonnegative().default(1e-4).meta(says('Applied to every trainable value.')),
  clipGradientNorm: z
    .number()
    .positive()
    .nullable()
    .default(10)
    .meta(says('Largest norm of all gradients together; null is none.')),
  checkpointEverySteps: z.int().positive().default(100),
});

export const augmentConfigSchema = z.strictObject({
  flipHorizontal: z.boolean().default(true).meta(says('Mirror half of the images left to right.')),
  flipVertical: z.boolean().default(false).meta(says('Mirror half of the images top to bottom.')),
  transpose: z.boolean().default(false).meta(says('Swap rows and columns of half of the square images.')),
});

const side = z.int().min(32).max(4096).multipleOf(32);

/** `train.yaml`: how a model is made. */
export const trainConfigSchema = z.strictObject({
  seed: z
    .int()
    .nonnegative()
    .max(2 ** 31)
    .default(1)
    .meta(says('Decides initial weights, data order and sampling.')),
  classes: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .meta(says('Class names in id order; those of the dataset when absent.')),
  imageSizeHw: z
    .tuple([side, side])
    .meta(
      says('Height and width in px that the network computes at; images are resized with their ratio kept and padded.'),
    ),
  normalization: z
    .strictObject({
      mean: z.tuple([z.number(), z.number(), z.number()]).meta(says('Subtracted from R, G and B (0..255).')),
      std: z
        .tuple([z.number().positive(), z.number().positive(), z.number().positive()])
        .meta(says('Divisor of R, G and B after that.')),
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
