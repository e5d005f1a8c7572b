import { describe, expect, it } from 'vitest';
import { isRejecting, rejectingFirst, rejectThresholdOf, sharedThreshold } from './reject-rules.js';

const model = {
  id: 'm',
  version: '1',
  sha256: 'ab',
  executionProvider: 'cpu',
  classes: ['short', 'spur'],
  scoreThreshold: 0.3,
};
const rule = (anyOf: string[], minScore: number) => ({ name: 'r', anyOf, minScore });
const detection = (name: string, confidence: number) => ({
  detectionId: 0,
  classId: 0,
  class: name,
  confidence,
  bbox: { x: 0, y: 0, width: 1, height: 1 },
});

describe('rejectThresholdOf', () => {
  it('takes the lowest score of the rules that name the class', () => {
    const threshold = rejectThresholdOf({ model, rules: [rule(['*'], 0.9), rule(['short'], 0.5)] });
    expect(threshold('short')).toBe(0.5);
    expect(threshold('spur')).toBe(0.9);
  });

  it('never rejects a class that no rule names', () => {
    const threshold = rejectThresholdOf({ model, rules: [rule(['short'], 0.5)] });
    expect(isRejecting(detection('spur', 1), threshold)).toBe(false);
    expect(isRejecting(detection('short', 0.5), threshold)).toBe(true);
    expect(isRejecting(detection('short', 0.49), threshold)).toBe(false);
  });

  it('falls back to the threshold of the model', () => {
    expect(rejectThresholdOf({ model })('spur')).toBe(0.3);
    expect(rejectThresholdOf(null)('spur')).toBe(0);
  });
});

describe('sharedThreshold', () => {
  it('is the one of a rule for every class, and null when classes differ', () => {
    expect(sharedThreshold({ model, rules: [rule(['*'], 0.5)] })).toBe(0.5);
    expect(sharedThreshold({ model, rules: [rule(['short'], 0.5)] })).toBeNull();
    expect(sharedThreshold({ model })).toBe(0.3);
  });
});

describe('rejectingFirst', () => {
  it('moves what no rule rejects behind what rejects, and keeps the order otherwise', () => {
    const threshold = rejectThresholdOf({ model, rules: [rule(['short'], 0.5)] });
    const list = [detection('spur', 0.9), detection('short', 0.8), detection('short', 0.7), detection('short', 0.2)];
    expect(rejectingFirst(list, threshold)).toEqual([list[1], list[2], list[0], list[3]]);
  });
});
