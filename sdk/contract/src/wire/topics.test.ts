import { describe, expect, it } from 'vitest';
import { baseTopicSchema, topicFor, topicSuffixes } from './topics.js';

describe('baseTopicSchema', () => {
  it('takes five levels', () => {
    expect(baseTopicSchema.parse('acme/berlin/smt/line1/aoi')).toBe('acme/berlin/smt/line1/aoi');
  });

  it.each([
    'acme/berlin/smt/line1',
    'acme/berlin/smt/line1/aoi/x',
    'acme/berlin/smt/line1/',
    'acme/+/smt/line1/aoi',
    'acme/berlin/smt/line1/#',
    'acme/berlin/smt/line.1/aoi',
    'acme/berlin/smt/line 1/aoi',
  ])('refuses %s', (topic) => {
    expect(baseTopicSchema.safeParse(topic).success).toBe(false);
  });
});

describe('topicFor', () => {
  it('has at most seven slashes and no dots, which United Manufacturing Hub and AWS IoT Core ask for', () => {
    for (const suffix of topicSuffixes) {
      const topic = topicFor('acme/berlin/smt/line1/aoi', suffix);
      expect(topic).toBe(`acme/berlin/smt/line1/aoi/_vision_v1/${suffix}`);
      expect(topic.split('/').length - 1).toBeLessThanOrEqual(7);
    }
  });
});
