import { describe, expect, it } from 'vitest';
import { placeByRule } from './placement.js';

describe('placeByRule', () => {
  it.each([
    ['mmdetection', [480, 640], [800, 1067]],
    ['mmdetection', [427, 640], [800, 1199]],
    ['mmdetection', [640, 427], [1199, 800]],
    ['mmdetection', [100, 1000], [133, 1333]],
    // What GeneralizedRCNNTransform of torchvision 0.14.1 makes of them.
    ['torchvision', [480, 640], [800, 1066]],
    ['torchvision', [427, 640], [799, 1199]],
    ['torchvision', [500, 1001], [665, 1332]],
    ['torchvision', [37, 1009], [48, 1333]],
    ['torchvision', [300, 999], [400, 1333]],
  ] as const)('%s: %j becomes %j', (conventions, sourceHw, sizeHw) => {
    const placement = placeByRule(sourceHw, { shortSide: 800, longSide: 1333 }, conventions);
    expect(placement.sizeHw).toEqual(sizeHw);
    expect(placement.scaleY).toBeCloseTo(sizeHw[0] / sourceHw[0], 12);
    expect(placement.scaleX).toBeCloseTo(sizeHw[1] / sourceHw[1], 12);
  });
});
