import { z } from 'zod';

/**
 * `manifest.json` of a model folder. Class ids are 0-based positions in `classes`; `sha256` covers the named files.
 * The graph takes a uint8 frame [1, H, W, 3] RGB of any size and returns final boxes in source pixels.
 */
export const modelManifestSchema = z.strictObject({
  schema: z.literal('plumbline.model/1'),
  id: z.string().min(1),
  version: z.string().min(1),
  architecture: z.string().min(1),
  classes: z.array(z.string().min(1)).min(1),
  scoreThreshold: z.number().min(0).max(1),
  input: z.strictObject({
    name: z.string(),
    layout: z.literal('NHWC'),
    color: z.literal('RGB'),
    /** Height and width that the network computes at, px; the graph resizes a frame to it. */
    networkSizeHw: z.tuple([z.int().positive(), z.int().positive()]),
  }),
  outputs: z.strictObject({ boxes: z.string(), scores: z.string(), classes: z.string() }),
  files: z.record(
    z.string(),
    z.strictObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/), bytes: z.int().nonnegative() }),
  ),
  trainingRunId: z.string().optional(),
  license: z.string().optional(),
});

export type ModelManifest = z.infer<typeof modelManifestSchema>;
