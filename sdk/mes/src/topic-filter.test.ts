import { describe, expect, it } from 'vitest';
import { baseTopicFilter, splitTopic } from './topic-filter.js';

describe('baseTopicFilter', () => {
  it.each([
    ['acme/berlin/smt/line1/aoi', 'acme/berlin/smt/line1/aoi'],
    ['acme/berlin/#', 'acme/berlin/+/+/+'],
    ['#', '+/+/+/+/+'],
    ['acme/+/smt/+/+', 'acme/+/smt/+/+'],
    ['acme/berlin/smt/line1/aoi/#', 'acme/berlin/smt/line1/aoi'],
    ['acme/berlin/smt/line1/aoi/_vision_v1/result', 'acme/berlin/smt/line1/aoi'],
  ])('turns %s into %s', (written, filter) => {
    expect(baseTopicFilter(written)).toBe(filter);
  });

  it.each(['', 'acme', 'acme/#/smt', 'a/b/c/d/e/f', 'acme//smt/line1/aoi', 'acme/ber+/smt/line1/aoi'])(
    'refuses "%s" with PLB_MES_FILTER_INVALID',
    (filter) => {
      expect(() => baseTopicFilter(filter)).toThrow(
        expect.objectContaining({ code: 'PLB_MES_FILTER_INVALID', kind: 'input' }),
      );
    },
  );
});

describe('splitTopic', () => {
  it('tells the station from the kind of message', () => {
    expect(splitTopic('a/b/c/d/e/_vision_v1/result')).toEqual({ baseTopic: 'a/b/c/d/e', suffix: 'result' });
    expect(splitTopic('a/b/c')).toBeNull();
  });
});
