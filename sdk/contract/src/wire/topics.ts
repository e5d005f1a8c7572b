import { z } from 'zod';

/** `{enterprise}/{site}/{area}/{line}/{cell}`: five levels, no wildcards, no dots. */
export const baseTopicSchema = z
  .string()
  .regex(/^[^/+#.\s]+(\/[^/+#.\s]+){4}$/, 'five levels enterprise/site/area/line/cell without dots, blanks, + or #');

export const topicSuffixes = ['result', 'event', 'state', 'availability', 'ack'] as const;
export type TopicSuffix = (typeof topicSuffixes)[number];

/** Full topic of one message kind below a station's base topic. */
export function topicFor(baseTopic: string, suffix: TopicSuffix): string {
  return `${baseTopic}/_vision_v1/${suffix}`;
}
