import { describe, expect, it } from 'vitest';
import { type RoiLevelRule, roiLevel } from './roi-level.js';

const rules: RoiLevelRule[] = ['mmdetection', 'torchvision'];

describe('roiLevel', () => {
  it.each(rules)('section 10 item 2: changes level at sides of 112, 224 and 448 px (%s)', (rule) => {
    const levels = [1, 111.9, 112, 223.9, 224, 447.9, 448, 2000].map((side) =>
      roiLevel(10, 20, 10 + side, 20 + side, rule),
    );
    expect(levels).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
  });

  it.each(rules)('pools empty and inverted boxes from the first level (%s)', (rule) => {
    expect([roiLevel(5, 5, 5, 900, rule), roiLevel(900, 0, 0, 900, rule)]).toEqual([0, 0]);
  });

  it('adds the epsilon inside the logarithm as mmdetection, behind it in float32 as torchvision', () => {
    // 112 * (1 - 6e-7): 2 - 1.2e-6 + 1e-6 stays below 2, log2 = 1 - 8.7e-7 comes above 1 with the epsilon.
    const side = 112 * (1 - 6e-7);
    expect([roiLevel(0, 0, side, side), roiLevel(0, 0, side, side, 'torchvision')]).toEqual([0, 1]);
  });
});
