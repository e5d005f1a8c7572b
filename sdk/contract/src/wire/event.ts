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

/** First and last seq of consecutive dropped records, both inclusive. */
export const droppedRangeSchema = z.tuple([seqString, seqString]);

/**
 * `data` of a `results_dropped` event. Readers take the ranges as settled: these records will never arrive, and the
 * acknowledged prefix may pass over them. `count` records were given up, `notOk` of them rejects. The ranges also hold
 * earlier reports that this one replaces, and they lack records that never got a seq because the disk was full.
 */
export const resultsDroppedDataSchema = z.object({
  reason: z.enum(['byte_cap', 'disk_full']),
  count: z.int().nonnegative(),
  notOk: z.int().nonnegative(),
  ranges: z.array(droppedRangeSchema),
});

export type DroppedRange = z.infer<typeof droppedRangeSchema>;
export type ResultsDroppedData = z.infer<typeof resultsDroppedDataSchema>;
