import type { z } from 'zod';
import type { TrainConfig } from './train.js';

/** Settings that are fine alone and contradict one another; each is reported at the key to change. */
export function refuseContradictions(config: TrainConfig, context: z.RefinementCtx<TrainConfig>): void {
  const refuse = (when: boolean, path: readonly PropertyKey[], message: string) => {
    if (when) context.addIssue({ code: 'custom', path: [...path], message });
  };
  const { model, test, loss, schedule, validation } = config;
  const { kind, classifiers, regressors, head } = model;
  const perStage = kind === 'cascade' || classifiers === 'perStage';
  const at = (key: string) => ['model', key];

  refuse(
    validation.patience !== null && validation.everyEpochs === null,
    ['validation', 'patience'],
    'there is nothing to wait for without validation.everyEpochs',
  );
  refuse(
    kind === 'cascade' && classifiers === 'single',
    at('classifiers'),
    'kind cascade has one classifier per stage',
  );
  refuse(
    kind === 'cascade' && regressors > 3,
    at('regressors'),
    'kind cascade has at most 3 stages (IoU 0.5, 0.6, 0.7)',
  );
  refuse(
    kind !== 'cascade' && perStage && regressors > 3,
    at('regressors'),
    'classifiers perStage has at most 3 stages',
  );
  refuse(kind === 'faster' && classifiers === 'perStage', at('classifiers'), 'kind faster has one classifier');
  refuse(
    kind === 'faster' && regressors > 1,
    at('regressors'),
    'kind faster has one regressor; kind cascade has several',
  );

  refuse(
    model.conventions === 'torchvision' && head.aligned,
    ['model', 'head', 'aligned'],
    'conventions torchvision pools with aligned false',
  );
  const conv = head.branch === 'conv';
  refuse(
    conv && head.shared,
    ['model', 'head', 'shared'],
    'a convolutional branch shares no layers with the classifier',
  );
  refuse(conv && perStage, ['model', 'head', 'branch'], 'conv goes with a single classifier');
  refuse(
    head.regressionRoiScale > 1 && head.shared,
    ['model', 'head', 'regressionRoiScale'],
    'shared layers read the region that is classified, which is not enlarged',
  );
  refuse(
    head.laterInit === 'torch' && (regressors === 1 || conv),
    ['model', 'head', 'laterInit'],
    'this model has no later regressor with fully connected layers',
  );
  refuse(
    config.sampling.regression === 'random' && (kind !== 'decoupled' || regressors > 1),
    ['sampling', 'regression'],
    'random is for kind decoupled with one regressor',
  );
  refuse(
    config.proposals.trainPostNmsRegression !== null && kind !== 'decoupled',
    ['proposals', 'trainPostNmsRegression'],
    `kind ${kind} has one set of proposals`,
  );

  refuse(test.classifier !== null && !perStage, ['test', 'classifier'], 'this model has a single classifier');
  refuse((test.classifier ?? 1) > regressors, ['test', 'classifier'], `this model has ${regressors} classifiers`);
  refuse((test.regressor ?? 1) > regressors, ['test', 'regressor'], `this model has ${regressors} regressors`);
  refuse(test.average === 'logits' && !perStage, ['test', 'average'], 'this model has a single classifier to average');

  refuse(
    loss.profile === 'released-voc-n1' && regressors > 1,
    ['loss', 'profile'],
    `released-voc-n1 is for one regressor, this model has ${regressors}`,
  );

  const [smallest, largest] = config.augment.scale;
  refuse(smallest > largest, ['augment', 'scale'], `the smallest factor ${smallest} is above the largest ${largest}`);

  const { decay, decayEpochs, epochs } = schedule;
  const epochsPath = ['schedule', 'decayEpochs'];
  refuse(decay === 'step' && decayEpochs.length === 0, epochsPath, 'decay step needs the epochs to decay after');
  refuse(decay !== 'step' && decayEpochs.length > 0, epochsPath, `decay ${decay} uses no decayEpochs`);
  refuse(
    decayEpochs.some((epoch) => epoch >= epochs),
    epochsPath,
    `each must be below the ${epochs} epochs of the schedule`,
  );
}
