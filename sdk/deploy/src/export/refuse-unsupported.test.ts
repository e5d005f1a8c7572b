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
  it.each([{ key: 'test.resize', value: 'set', settings: { test: { resize: { shortSide: 64, longSide: 128 } } } }])(
    'refuses $key $value instead of exporting another model',
    ({ key, value, settings }) => {
      expect(() => exportPortable(checkpoint(settings))).toThrow(
        expect.objectContaining({ code: 'PLB_DEPLOY_MODEL_UNSUPPORTED', params: { source: 'runs/a', key, value } }),
      );
    },
  );
});
