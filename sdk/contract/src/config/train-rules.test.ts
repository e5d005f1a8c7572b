import { describe, expect, it } from 'vitest';
import { trainConfigSchema } from './train.js';

const issuesOf = (settings: object) => {
  const result = trainConfigSchema.safeParse({ imageSizeHw: [64, 64], ...settings });
  return result.success ? [] : result.error.issues.map((issue) => issue.path.join('.'));
};

describe('trainConfigSchema', () => {
  it.each([
    { key: 'model.classifiers', settings: { model: { kind: 'cascade', classifiers: 'single' } } },
    { key: 'model.regressors', settings: { model: { kind: 'cascade', regressors: 4 } } },
    { key: 'model.regressors', settings: { model: { classifiers: 'perStage', regressors: 4 } } },
    { key: 'model.classifiers', settings: { model: { kind: 'faster', regressors: 1, classifiers: 'perStage' } } },
    { key: 'model.regressors', settings: { model: { kind: 'faster', regressors: 2 } } },
    { key: 'model.head.shared', settings: { model: { head: { branch: 'conv', shared: true } } } },
    { key: 'model.head.branch', settings: { model: { kind: 'cascade', head: { branch: 'conv' } } } },
    { key: 'model.head.aligned', settings: { model: { conventions: 'torchvision' } } },
    { key: 'test.classifier', settings: { test: { classifier: 1 } } },
    { key: 'test.classifier', settings: { model: { kind: 'cascade', regressors: 2 }, test: { classifier: 3 } } },
    { key: 'test.regressor', settings: { model: { regressors: 2 }, test: { regressor: 3 } } },
    { key: 'test.average', settings: { test: { average: 'logits' } } },
    { key: 'loss.profile', settings: { loss: { profile: 'released-voc-n1' } } },
    { key: 'schedule.decayEpochs', settings: { schedule: { decay: 'step' } } },
    { key: 'schedule.decayEpochs', settings: { schedule: { decay: 'cosine', decayEpochs: [8] } } },
    { key: 'schedule.decayEpochs', settings: { schedule: { decay: 'step', epochs: 8, decayEpochs: [8] } } },
    { key: 'augment.scale', settings: { augment: { scale: [1.5, 0.5] } } },
    // Linear soft-NMS has no sigma.
    { key: 'test.softNms', settings: { test: { softNms: { sigma: 0.5 } } } },
  ])('refuses $settings at $key', ({ key, settings }) => {
    expect(issuesOf(settings)).toEqual([key]);
  });

  it.each([
    { model: { kind: 'cascade' }, test: { average: 'logits', classifier: 3, regressor: 1 } },
    { model: { classifiers: 'perStage' }, test: { classifier: 2 } },
    { model: { head: { branch: 'conv' } } },
    { model: { regressors: 4 } },
    { model: { regressors: 1 }, loss: { profile: 'released-voc-n1' } },
    { schedule: { decay: 'step', decayEpochs: [8, 11] } },
    { test: { softNms: {} } },
  ])('accepts %j', (settings) => {
    expect(issuesOf(settings)).toEqual([]);
  });
});
