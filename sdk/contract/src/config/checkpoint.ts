import { z } from 'zod';
import { trainConfigSchema } from './train.js';

/** `config.json` of a checkpoint folder; the weights lie beside it in `weights.safetensors`. */
export const checkpointSchema = z.object({
  schema: z.literal('plumbline.checkpoint/1'),
  /** Resolved: every default filled in. */
  config: trainConfigSchema,
  /** In class-id order. */
  classes: z.array(z.string().min(1)).min(1),
  step: z.int().nonnegative(),
  runId: z.string().min(1),
});

export type CheckpointConfig = z.infer<typeof checkpointSchema>;
