import { type TrainConfig, trainConfigSchema } from '@plumbline/contract';
import { Weights } from '@plumbline/deploy/export';
import { createDetectorModel, type DetectorModel } from '@plumbline/train/model';
import { randomWeights, tinyConfig } from './random-checkpoint.js';

export const classes = ['a', 'b', 'c'];

export interface Variant {
  readonly name: string;
  readonly model: object;
  readonly head?: object;
  readonly test?: object;
}

export const variants: readonly Variant[] = [
  ...[1, 2, 3, 4].map((regressors) => ({ name: `decoupled, n = ${regressors}`, model: { regressors } })),
  { name: 'shared layers', model: { regressors: 2 }, head: { shared: true } },
  { name: 'class-agnostic first regressor', model: { regressors: 2 }, head: { firstRegressor: 'classAgnostic' } },
  { name: 'class-agnostic only regressor', model: { regressors: 1 }, head: { firstRegressor: 'classAgnostic' } },
  { name: 'Faster R-CNN', model: { kind: 'faster', regressors: 1 }, head: { shared: true } },
  { name: 'Cascade R-CNN', model: { kind: 'cascade', regressors: 3 }, head: { shared: true } },
  {
    name: 'Cascade R-CNN, mean of logits',
    model: { kind: 'cascade', regressors: 3 },
    head: { shared: true },
    test: { average: 'logits' },
  },
  { name: 'a classifier per stage', model: { regressors: 3, classifiers: 'perStage' } },
  {
    name: 'the second of three classifiers',
    model: { regressors: 3, classifiers: 'perStage' },
    test: { classifier: 2 },
  },
  { name: 'the first of three regressors', model: { regressors: 3 }, test: { regressor: 1 } },
  { name: 'the second of three regressors', model: { regressors: 3 }, test: { regressor: 2 } },
  {
    name: 'the first regressor and all classifiers',
    model: { regressors: 3, classifiers: 'perStage' },
    test: { regressor: 1 },
  },
  {
    name: "torchvision's conventions",
    model: { kind: 'faster', regressors: 1, conventions: 'torchvision' },
    head: { shared: true, aligned: false, samplingRatio: 2 },
  },
  { name: 'soft-NMS', model: { regressors: 2 }, test: { softNms: {} } },
  { name: 'soft-NMS of boxes of each class', model: { regressors: 1 }, test: { softNms: { minScore: 0.1 } } },
  { name: 'Double-Head, n = 1', model: { regressors: 1 }, head: { branch: 'conv' } },
  {
    name: 'Double-Head, n = 2, regions 1.3 times as large',
    model: { regressors: 2 },
    head: { branch: 'conv', regressionRoiScale: 1.3 },
  },
];

/** The smallest detector of a variant, and the model of the trainer with random weights. */
export function createVariant({ model, head = {}, test = {} }: Omit<Variant, 'name'>): {
  readonly config: TrainConfig;
  readonly detector: DetectorModel;
  readonly weights: Weights;
} {
  const config = trainConfigSchema.parse({
    ...tinyConfig,
    model: { ...tinyConfig.model, ...model, head: { ...tinyConfig.model.head, ...head } },
    test: { ...tinyConfig.test, scoreThreshold: 0.2, ...test },
  });
  const detector = createDetectorModel(config, classes);
  return { config, detector, weights: new Weights('random', randomWeights(config, classes.length)) };
}
