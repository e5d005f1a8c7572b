import type { RuleConfig } from '@plumbline/contract';
import type { Detection } from '@plumbline/core/geometry';
import { describe, expect, it } from 'vitest';
import { evaluateRules, findUnknownClasses } from './rules.js';

const detection = (className: string, score: number): Detection => ({
  classId: 0,
  className,
  score,
  boxXyxy: [0, 0, 1, 1],
});
const rule = (name: string, anyOf: string[], minScore: number): RuleConfig => ({
  name,
  when: { anyOf, minScore },
  verdict: 'NotOK',
});

describe('evaluateRules', () => {
  it('is OK without detections', () => {
    expect(evaluateRules([rule('any', ['*'], 0)], [])).toEqual({ evaluation: 'OK', triggeredRules: [], counted: [] });
  });

  it('counts a detection exactly at the score threshold', () => {
    const found = [detection('open', 0.5), detection('short', 0.499)];
    const verdict = evaluateRules([rule('any', ['*'], 0.5)], found);
    expect(verdict.evaluation).toBe('NotOK');
    expect(verdict.counted).toEqual([found[0]]);
  });

  it('looks only at the classes of the rule', () => {
    expect(evaluateRules([rule('shorts', ['short'], 0.1)], [detection('open', 0.9)]).evaluation).toBe('OK');
  });

  it('names every rule that triggered, in the order given', () => {
    const rules = [rule('b', ['short'], 0.9), rule('a', ['open'], 0.5), rule('c', ['*'], 0.1)];
    expect(evaluateRules(rules, [detection('open', 0.6)]).triggeredRules).toEqual(['a', 'c']);
  });
});

describe('findUnknownClasses', () => {
  it("accepts '*' and the model's names and gives the path of each other name", () => {
    const rules = [rule('a', ['*', 'open'], 0.5), rule('b', ['open', 'scratch'], 0.5)];
    expect(findUnknownClasses(rules, ['open', 'short'])).toEqual([
      { rule: 'b', className: 'scratch', path: ['rules', 1, 'when', 'anyOf', 1] },
    ]);
  });
});
