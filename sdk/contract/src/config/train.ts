import { z } from 'zod';
import { augmentConfigSchema, loaderConfigSchema } from './augment.js';
import { backboneConfigSchema } from './backbone.js';
import { refuseContradictions } from './train-rules.js';

const fraction = z.number().min(0).max(1);
const says = (description: string) => ({ description });

/** Shape of the network. */
export const modelConfigSchema = z.strictObject({
  kind: z
    .enum(['decoupled', 'faster', 'cascade'])
    .default('decoupled')
    .meta(
      says(
        'decoupled: two proposal sets and positive-only regression sampling; faster: one set and one sampler (Faster R-CNN with FPN); cascade: a classifier and a class-agnostic regressor per stage, resampled at IoU 0.5, 0.6, 0.7 (Cascade R-CNN).',
      ),
    ),
  classifiers: z
    .enum(['single', 'perStage'])
    .optional()
    .meta(
      says(
        'single: scores come from the proposals alone; perStage: one classifier for each regressor (Table X). Default: perStage for kind cascade, else single.',
      ),
    ),
  conventions: z
    .enum(['mmdetection', 'torchvision'])
    .default('mmdetection')
    .meta(
      says(
        "Details of anchors, box decoding, pyramid levels and tiny boxes: mmdetection's, as published, or torchvision's, for weights that were trained there (with head.aligned false).",
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
        .meta(
          says(
            'One pair of fully connected layers for both branches of a stage that has two, or one pair each (Table II). Stock Faster and Cascade R-CNN share.',
          ),
        ),
      branch: z
        .enum(['fc', 'conv'])
        .default('fc')
        .meta(
          says(
            'Regression branches: fc is two fully connected layers; conv is a residual block, four bottlenecks and a mean over the region (Double-Head, Table XI).',
          ),
        ),
      firstRegressor: z
        .enum(['classSpecific', 'classAgnostic'])
        .default('classSpecific')
        .meta(
          says(
            'Outputs of the first regressor: four per class, as published, or four. Kind cascade is always agnostic.',
          ),
        ),
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
      regressionRoiScale: z
        .number()
        .min(1)
        .max(2)
        .default(1)
        .meta(
          says(
            'Regions are enlarged by this about their centre before they are pooled for a regressor; 1.3 is Double-Head in mmdetection.',
          ),
        ),
      laterInit: z
        .enum(['xavier', 'torch'])
        .default('xavier')
        .meta(
          says(
            "Initial fully connected layers of regressors 2 and later: xavier as the first one's; torch is torch.nn.Linear's uniform, which the authors' release ends up with.",
          ),
        ),
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
  trainPostNmsRegression: z
    .int()
    .positive()
    .nullable()
    .default(null)
    .meta(says('Proposals kept of the set that is regressed, in training; null is trainPostNms.')),
  testPreNms: z.int().positive().default(1000).meta(says('Best anchors per level before suppression, at test.')),
  testPostNms: z.int().positive().default(1000).meta(says('Proposals kept at test; fewer are faster.')),
});

export const samplingConfigSchema = z.strictObject({
  rpnPerImage: z.int().positive().default(256).meta(says('Anchors sampled per image.')),
  rpnPositiveFraction: fraction.default(0.5).meta(says('Largest share of positives among them.')),
  rpnAllowedBorder: z
    .number()
    .nonnegative()
    .nullable()
    .default(null)
    .meta(
      says(
        'Anchors that reach further than this, in px, over the edge of the image are not trained; null trains all. 0 is Cascade R-CNN in mmdetection 2.4.',
      ),
    ),
  roisPerImage: z
    .int()
    .positive()
    .default(512)
    .meta(says('Rows N of each sampler and divisor of the regression losses.')),
  roiPositiveFraction: fraction.default(0.25).meta(says('Largest share of positives of the classification sampler.')),
  regression: z
    .enum(['positive', 'random'])
    .default('positive')
    .meta(
      says(
        'Rows of the first regressor, kind decoupled: positive takes positives only; random samples them as for the classifier, ground truth among them (the preliminary experiment of Table I).',
      ),
    ),
});

export const lossConfigSchema = z.strictObject({
  profile: z
    .enum(['eq8', 'released', 'released-voc-n1', 'cascade'])
    .optional()
    .meta(
      says(
        "Gives lambda and stageWeights where they are null. eq8: the paper, lambda 1 for one regressor and 0.5 for several, all stages 1. released: the authors' code, lambda 0.5, stages 1, 0.5, 0.25, 0.125. released-voc-n1: that code with one regressor on VOC, lambda 1. cascade: lambda 1, stages 1, 0.5, 0.25, 0.125. Default: cascade for kind cascade, else eq8.",
      ),
    ),
  lambda: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .meta(says('Weight of every regression loss (Eq. 8, Table VI); null is that of the profile.')),
  stageWeights: z
    .tuple([z.number(), z.number(), z.number(), z.number()])
    .nullable()
    .default(null)
    .meta(
      says('Factor per stage, for its regressor and its own classifier if it has one; null is that of the profile.'),
    ),
  regression: z
    .enum(['l1', 'smoothL1'])
    .default('l1')
    .meta(says('l1 as published; smoothL1 with beta 1 is the stock Cascade R-CNN of mmdetection 2.4.')),
  rpnRegression: z
    .enum(['l1', 'smoothL1'])
    .default('l1')
    .meta(says('Box loss of the RPN: l1 as published; smoothL1 with beta 1/9 is stock Cascade R-CNN and torchvision.')),
  heads: z
    .number()
    .positive()
    .default(1)
    .meta(says("Factor of all losses of the heads, beside lambda and stageWeights; 2 is mmdetection's Double-Head.")),
});

const stageNumber = z.int().min(1).max(4).nullable().default(null);

export const testConfigSchema = z.strictObject({
  scoreThreshold: fraction.default(0.05).meta(says('Lowest score of a final box.')),
  nmsIou: fraction.default(0.5).meta(says('IoU above which the weaker of two boxes of a class goes.')),
  maxDetections: z.int().positive().default(100).meta(says('Final boxes per image.')),
  softNms: z
    .strictObject({
      minScore: fraction.default(0.001).meta(says('A box whose lowered score falls below this goes.')),
    })
    .nullable()
    .default(null)
    .meta(
      says(
        'Linear soft-NMS: a box that overlaps a better one of its class by nmsIou or more keeps the share 1 - IoU of its score. null: it goes.',
      ),
    ),
  resize: z
    .strictObject({
      shortSide: z.int().min(32).max(4096).meta(says('Length in px that the shorter side of an image is scaled to.')),
      longSide: z.int().min(32).max(4096).meta(says('Largest length in px of the longer side; the scale gives way.')),
    })
    .nullable()
    .default(null)
    .meta(
      says(
        'Detection scales each image by this rule and computes at its own size; null fits it into imageSizeHw. An exported model has one size.',
      ),
    ),
  average: z
    .enum(['probabilities', 'logits'])
    .default('probabilities')
    .meta(says('What is averaged over several classifiers; mmdetection averages logits.')),
  classifier: stageNumber.meta(says('Stage whose classifier alone gives the scores; null averages all (Table X).')),
  regressor: stageNumber.meta(
    says('Stage whose regressor gives the boxes; null is the last. 1 of several gives class-specific boxes (Table X).'),
  ),
});

export const scheduleConfigSchema = z.strictObject({
  epochs: z.number().positive().default(12),
  batchSize: z.int().positive().default(8).meta(says('Images that pass the network together.')),
  accumulateBatches: z
    .int()
    .positive()
    .max(256)
    .default(1)
    .meta(
      says(
        'Batches of one step: their gradients are averaged before the weights change, for larger steps than memory holds. Batch norm still sees one batch at a time.',
      ),
    ),
  learningRate: z.number().positive().default(0.01).meta(says("Peak; 0.01 at batch 8 is the authors' setting.")),
  warmupSteps: z.int().nonnegative().default(500).meta(says('Steps of linear rise from warmupRatio of the rate.')),
  decay: z
    .enum(['cosine', 'constant', 'step'])
    .default('cosine')
    .meta(says('cosine: to zero along a cosine; step: a tenth from each of decayEpochs on; constant: none.')),
  decayEpochs: z
    .array(z.int().positive())
    .default([])
    .meta(says('Completed epochs after which decay: step divides by ten; 8 and 11 of 12 is the 1x schedule.')),
  warmupRatio: z
    .number()
    .positive()
    .max(1)
    .default(0.001)
    .meta(says('Learning rate of the first warm-up step as a share of the later one (mmdetection 2.4).')),
  momentum: fraction.default(0.9),
  weightDecay: z.number().nonnegative().default(1e-4).meta(says('Applied to every trainable value.')),
  clipGradientNorm: z
    .number()
    .positive()
    .nullable()
    .default(10)
    .meta(says('Largest norm of all gradients together; null is none.')),
  averageDecay: z
    .number()
    .gt(0)
    .lt(1)
    .nullable()
    .default(null)
    .meta(
      says(
        'Share that an exponential moving average of the weights (EMA) keeps at each step, such as 0.999; validation, the final model and checkpoints use the average. null: the weights themselves.',
      ),
    ),
  checkpointEverySteps: z.int().positive().default(100),
});

export const validationConfigSchema = z.strictObject({
  everyEpochs: z
    .int()
    .positive()
    .nullable()
    .default(null)
    .meta(
      says(
        'Epochs between two evaluations on the data of --val; the weights with the best AP are kept in checkpoint-best. null evaluates at the end only.',
      ),
    ),
  patience: z
    .int()
    .positive()
    .nullable()
    .default(null)
    .meta(says('Training ends after this many evaluations without a better AP; null trains all epochs.')),
});

const side = z.int().min(32).max(4096).multipleOf(32);

/** `train.yaml`: how a model is made. */
export const trainConfigSchema = z
  .strictObject({
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
        says(
          'Height and width in px that the network computes at; images are resized with their ratio kept and padded.',
        ),
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
    validation: validationConfigSchema.prefault({}),
    augment: augmentConfigSchema.prefault({}),
    loader: loaderConfigSchema.prefault({}),
  })
  .superRefine(refuseContradictions);

export type TrainConfig = z.infer<typeof trainConfigSchema>;
export type ModelConfig = z.infer<typeof modelConfigSchema>;

/** Whether each regressor has its own classifier. */
export function hasStageClassifiers({ kind, classifiers }: Pick<ModelConfig, 'kind' | 'classifiers'>): boolean {
  return kind === 'cascade' || classifiers === 'perStage';
}
