import { trainConfigSchema } from '@plumbline/contract';
import { describe, expect, it } from 'vitest';
import { lossWeights } from './loss-weights.js';

const weights = (model: object, loss: object = {}) => {
  const { classification, regression } = lossWeights(trainConfigSchema.parse({ imageSizeHw: [64, 64], model, loss }));
  return { classification: classification.slice(0, 3), regression: regression.slice(0, 3) };
};

// Table of the decoupled-rcnn specification, section 4.5.
describe('lossWeights', () => {
  it('is Eq. 8 by default: lambda 1 alone, 0.5 in a cascade', () => {
    expect(weights({ regressors: 1 }).regression[0]).toBe(1);
    expect(weights({ regressors: 3 })).toEqual({ classification: [1, 1, 1], regression: [0.5, 0.5, 0.5] });
  });

  it('halves stage by stage in the released code', () => {
    expect(weights({ regressors: 3 }, { profile: 'released' }).regression).toEqual([0.5, 0.25, 0.125]);
    expect(weights({ regressors: 1 }, { profile: 'released' }).regression[0]).toBe(0.5);
    expect(weights({ regressors: 1 }, { profile: 'released-voc-n1' }).regression[0]).toBe(1);
  });

  it('weighs both losses of a stage of Cascade R-CNN alike', () => {
    expect(weights({ kind: 'cascade' })).toEqual({ classification: [1, 0.5, 0.25], regression: [1, 0.5, 0.25] });
  });

  it('lets lambda and stage weights override the profile', () => {
    expect(weights({}, { lambda: 0.25 }).regression).toEqual([0.25, 0.25, 0.25]);
    expect(weights({}, { stageWeights: [1, 2, 4, 8] }).regression).toEqual([0.5, 1, 2]);
  });

  it('multiplies all losses of the heads', () => {
    const doubleHead = weights({ kind: 'faster', regressors: 1 }, { heads: 2 });
    expect([doubleHead.classification[0], doubleHead.regression[0]]).toEqual([2, 2]);
    expect(weights({ regressors: 3 }, { heads: 2 })).toEqual({ classification: [2, 2, 2], regression: [1, 1, 1] });
  });
});
