import { z } from 'zod';
import { epochString, seqString } from './ids.js';

/** Payload of `.../_vision_v1/ack`: everything up to and including `ackedSeq` is stored by the MES. */
export const ackSchema = z.object({ sourceId: z.string().min(1), epoch: epochString, ackedSeq: seqString });
export type VisionAck = z.infer<typeof ackSchema>;

/**
 * Retained payload of `.../_vision_v1/availability`, also the last will. `outbox.ackedSeq` is present when the station
 * keeps records until the MES acknowledges them. A reader that joins in the middle learns from it where it stands:
 * nothing up to `ackedSeq` will be sent again, everything after it will, as often as it takes.
 */
export const availabilitySchema = z.object({
  sourceId: z.string().min(1),
  state: z.enum(['online', 'offline', 'degraded']),
  timestamp_ms: z.int().nonnegative(),
  outbox: z.object({ epoch: epochString, ackedSeq: seqString.optional(), lastSeq: seqString }).optional(),
});
export type Availability = z.infer<typeof availabilitySchema>;

/** Retained payload of `.../_vision_v1/state` (OPC 40100-1 vision state machine, top level). */
export const visionStateSchema = z.object({
  sourceId: z.string().min(1),
  state: z.enum(['Preoperational', 'Ready', 'SingleExecution', 'ContinuousExecution', 'Error', 'Halted']),
  timestamp_ms: z.int().nonnegative(),
});
export type VisionState = z.infer<typeof visionStateSchema>;
