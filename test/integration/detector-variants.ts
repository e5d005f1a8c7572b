import { type TrainConfig, trainConfigSchema } from '@plumbline/contract';
import { createRandom } from '@plumbline/core/random';
import { Weights } from '@plumbline/deploy/export';
import { createDetectorModel, type DetectorModel, exportWeights } from '@plumbline/train/model';
import { tinyConfig } from './random-checkpoint.js';

export const classes = ['a', 'b', 'c'];

/** Every parameter of a detector, He-scaled; batch norm near identity, scores and deltas of some tenths. */
export function randomWeights(model: DetectorModel): Weights {
  const random = createRandom(7);
  const tensors = [...exportWeights(model.parameters)].map(([name, { shape }]) => {
    const fanIn = shape.slice(1).reduce((product, side) => product * side, 1);
    const value = () => {
      if (name.endsWith('running_var')) return 0.8 + 0.4 * random.next();
      if (/running_mean$|bias$/.test(name)) return 0.05 * random.normal();
      if (shape.length === 1) return 0.7 + 0.2 * random.next();
      return ((/fc_(cls|reg)/.test(name) ? 0.4 : Math.SQRT2) / Math.sqrt(fanIn)) * random.normal();
    };
    const size = shape.reduce((product, side) => product * side, 1);
    return [name, { dtype: 'F32', shape, data: Float32Array.from({ length: size }, value) }] as const;
  });
  return new Weights('random', new Map(tensors));
}

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
  return { config, detector, weights: randomWeights(detector) };
}
