import { z } from 'zod';

/** RFC 9562 UUID version 7. */
export const uuidV7 = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, 'a lower-case UUID version 7');

/** A persisted uint64 as a decimal string: JSON numbers lose digits above 2^53. */
export const seqString = z.string().regex(/^(0|[1-9][0-9]{0,19})$/, 'a decimal uint64 string');

/** Identifies one life of an outbox file; `seq` is gap-free within (sourceId, epoch). */
export const epochString = z.string().min(1).max(64);
