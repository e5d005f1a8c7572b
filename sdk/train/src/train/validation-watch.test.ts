import { describe, expect, it } from 'vitest';
import { ValidationWatch } from './validation-watch.js';

describe('ValidationWatch', () => {
  it('is due after every so many epochs and at the end', () => {
    const watch = new ValidationWatch({ everyEpochs: 2, patience: null }, 10, 45);
    expect(Array.from({ length: 45 }, (_, i) => i + 1).filter((step) => watch.isDue(step))).toEqual([20, 40, 45]);
    const accumulating = new ValidationWatch({ everyEpochs: 1, patience: null }, 10 / 4, 10);
    expect(Array.from({ length: 10 }, (_, i) => i + 1).filter((step) => accumulating.isDue(step))).toEqual([
      3, 5, 8, 10,
    ]);
    const never = new ValidationWatch({ everyEpochs: null, patience: null }, 10, 45);
    expect(never.isDue(45)).toBe(false);
  });

  it('keeps the first of equals, and is over after as many validations without a better one as it has patience', () => {
    const watch = new ValidationWatch({ everyEpochs: 1, patience: 2 }, 10, 100);
    expect([watch.record(10, 0.3), watch.record(20, 0.3), watch.isOver]).toEqual([true, false, false]);
    expect([watch.record(30, 0.4), watch.record(40, 0.2), watch.isOver]).toEqual([true, false, false]);
    expect([watch.record(50, 0.4), watch.isOver]).toEqual([false, true]);
    expect(watch.state).toEqual({ best: { step: 30, ap: 0.4 }, sinceBest: 2 });
    expect(new ValidationWatch({ everyEpochs: 1, patience: 2 }, 10, 100, watch.state).isOver).toBe(true);
  });
});
