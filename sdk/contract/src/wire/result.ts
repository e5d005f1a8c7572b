import { z } from 'zod';
import { epochString, seqString, uuidV7 } from './ids.js';

/** OPC 40100-1 ResultState: how the execution went, NOT pass or fail. */
export const ResultState = { Undefined: 0, Completed: 1, Processing: 2, Aborted: 3, Failed: 4 } as const;
/** OPC 40001-101 ResultEvaluationEnum: the verdict. */
export const ResultEvaluation = { Undefined: 0, OK: 1, NotOK: 2, NotDecidable: 3 } as const;

/** Pixels of the source frame, origin at its top left. */
export const bboxSchema = z.strictObject({
  x: z.number(),
  y: z.number(),
  width: z.number().nonnegative(),
  height: z.number().nonnegative(),
});

export const wireDetectionSchema = z.strictObject({
  detectionId: z.int().nonnegative(),
  classId: z.int().nonnegative(),
  class: z.string(),
  confidence: z.number().min(0).max(1),
  bbox: bboxSchema,
  polygon: z.array(z.tuple([z.number(), z.number()])).optional(),
  trackerId: z.int().optional(),
  zones: z.array(z.string()).optional(),
});

export const resultContentSchema = z.strictObject({
  frameId: z.string(),
  cameraId: z.string(),
  image: z.strictObject({ width: z.int().positive(), height: z.int().positive() }),
  model: z.strictObject({ id: z.string(), version: z.string(), sha256: z.string() }),
  detections: z.array(wireDetectionSchema),
});

/** Payload of `.../_vision_v1/result`. Field names follow OPC 40100-1 ResultDataType. */
export const resultSchema = z.object({
  schema: z.literal('vision.result/1'),
  resultId: uuidV7,
  sourceId: z.string().min(1),
  epoch: epochString,
  seq: seqString,
  timestamp_ms: z.int().nonnegative(),
  jobId: z.string(),
  isPartial: z.boolean(),
  resultState: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3), z.literal(4)]),
  resultEvaluation: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)]),
  internalRecipeId: z.string(),
  internalConfigurationId: z.string(),
  creationTime: z.iso.datetime(),
  resultEvaluationCode: z.string().optional(),
  isSimulated: z.boolean().optional(),
  measId: z.string().optional(),
  partId: z.string().optional(),
  productId: z.string().optional(),
  externalRecipeId: z.string().optional(),
  externalConfigurationId: z.string().optional(),
  /** All in ms; startTime and endTime are Unix epoch milliseconds. */
  processingTimes: z
    .strictObject({
      startTime: z.number(),
      endTime: z.number(),
      acquisitionDuration: z.number().nonnegative(),
      processingDuration: z.number().nonnegative(),
    })
    .optional(),
  hasTransferableDataOnFile: z.boolean().optional(),
  resultUri: z.array(z.string()).optional(),
  resultContent: resultContentSchema.optional(),
});

export type VisionResult = z.infer<typeof resultSchema>;
export type WireDetection = z.infer<typeof wireDetectionSchema>;
export type ResultContent = z.infer<typeof resultContentSchema>;
