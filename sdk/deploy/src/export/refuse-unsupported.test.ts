import { trainConfigSchema } from '@plumbline/contract';
import { describe, expect, it } from 'vitest';
import { type Checkpoint, Weights } from './checkpoint.js';
import { exportPortable } from './portable.js';

const checkpoint = (settings: object): Checkpoint => ({
  source: 'runs/a',
  config: trainConfigSchema.parse({ imageSizeHw: [64, 64], ...settings }),
  classes: ['a'],
  step: 1,
  runId: 'r',
  weights: new Weights('runs/a/weights.safetensors', new Map()),
});

describe('exportPortable', () => {
  it.each([
    { key: 'model.kind', value: 'cascade', settings: { model: { kind: 'cascade' } } },
    { key: 'model.classifiers', value: 'perStage', settings: { model: { classifiers: 'perStage' } } },
    {
      key: 'model.conventions',
      value: 'torchvision',
      settings: { model: { conventions: 'torchvision', head: { aligned: false } } },
    },
    { key: 'model.head.branch', value: 'conv', settings: { model: { head: { branch: 'conv' } } } },
    {
      key: 'model.head.firstRegressor',
      value: 'classAgnostic',
      settings: { model: { head: { firstRegressor: 'classAgnostic' } } },
    },
    { key: 'test.softNms', value: 'set', settings: { test: { softNms: {} } } },
    { key: 'test.resize', value: 'set', settings: { test: { resize: { shortSide: 64, longSide: 128 } } } },
    { key: 'test.regressor', value: '1', settings: { test: { regressor: 1 } } },
  ])('refuses $key $value instead of exporting another model', ({ key, value, settings }) => {
    expect(() => exportPortable(checkpoint(settings))).toThrow(
      expect.objectContaining({ code: 'PLB_DEPLOY_MODEL_UNSUPPORTED', params: { source: 'runs/a', key, value } }),
    );
  });
});
