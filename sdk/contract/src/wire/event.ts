import { z } from 'zod';
import { epochString, seqString, uuidV7 } from './ids.js';

export const eventTypes = [
  'job_started',
  'zone_entered',
  'zone_left',
  'count_crossed',
  'state_changed',
  'error',
  'error_resolved',
  'results_dropped',
] as const;

/** Payload of `.../_vision_v1/event`; shares the gap-free `seq` stream, the outbox and the ack with results. */
export const eventSchema = z.object({
  schema: z.literal('vision.event/1'),
  eventId: uuidV7,
  sourceId: z.string().min(1),
  epoch: epochString,
  seq: seqString,
  timestamp_ms: z.int().nonnegative(),
  type: z.enum(eventTypes),
  data: z.record(z.string(), z.unknown()),
});

export type VisionEvent = z.infer<typeof eventSchema>;
export type VisionEventType = (typeof eventTypes)[number];
