import { z } from 'zod';

const sizeHw = z.tuple([z.int().positive(), z.int().positive()]);
const perChannel = z.tuple([z.number(), z.number(), z.number()]);

/** The graph takes frames as the camera gives them, uint8 [1, H, W, 3] RGB, and resizes them itself. */
const frameInput = z.strictObject({
  kind: z.literal('frame').optional(),
  name: z.string(),
  layout: z.literal('NHWC'),
  color: z.literal('RGB'),
  /** Height and width that the network computes at, px; the graph resizes a frame to it. */
  networkSizeHw: sizeHw,
  /** The one size of frames that it takes, px; any when absent. */
  frameSizeHw: sizeHw.optional(),
});

/** The graph takes an image of the network size: the runtime resizes, pads and normalises. */
const imageInput = z.strictObject({
  kind: z.literal('image'),
  name: z.string(),
  layout: z.enum(['NCHW', 'NHWC', 'CHW']),
  color: z.enum(['RGB', 'BGR']).default('RGB'),
  networkSizeHw: sizeHw,
  /** What the graph takes; `uint8` values are rounded and clipped to 0..255 after normalisation. `float32` when absent. */
  elementType: z.enum(['float32', 'uint8']).optional(),
  /**
   * How a frame lies in the image: `topLeft` and `center` keep its ratio and pad, `stretch` does not, `none` hands it over
   * in its own size.
   */
  fit: z.enum(['topLeft', 'center', 'stretch', 'none']).default('topLeft'),
  /** Colour of the padding, 0..255, before normalisation. */
  pad: perChannel.default([0, 0, 0]),
  /** The graph gets (value - mean) / std, values 0..255, R, G, B. */
  mean: perChannel.default([0, 0, 0]),
  std: perChannel.default([1, 1, 1]),
  /** Name of a second input, float [4]: width, height, width, height of the frame's content in network px. */
  contentSize: z.string().optional(),
});

/** Final boxes; each output may have a first axis of 1 more. Rows of score 0 are filling. */
const finalOutputs = z.strictObject({
  kind: z.literal('final').optional(),
  /** float [N, 4] xyxy */
  boxes: z.string(),
  /** float [N] */
  scores: z.string(),
  /** int64, int32 or float [N] */
  classes: z.string(),
  /** Pixels of the boxes: of the source frame, or of the network's image. */
  boxesIn: z.enum(['source', 'network']).optional(),
  /** Number of the first class; 1 where 0 is the background. What is below is no detection. */
  firstClass: z.int().nonnegative().optional(),
});

const suppression = {
  /** Boxes of a class that overlap a better one by more go. */
  nmsIou: z.number().min(0).max(1),
  maxDetections: z.int().positive(),
};

/** Scores and boxes of every region, still to be thresholded and suppressed; network px. */
const regionOutputs = z.strictObject({
  kind: z.literal('regions'),
  /** float [R, 4] or, with boxes of their own for each class, [R, C, 4]; xyxy */
  boxes: z.string(),
  /** float [R, C], foreground classes */
  scores: z.string(),
  ...suppression,
  /** Linear soft-NMS: scores fall instead, and boxes go below `minScore`. */
  softNms: z.strictObject({ minScore: z.number().min(0).max(1) }).optional(),
});

/** One table of candidates, still to be thresholded and suppressed; network px. */
const candidateOutputs = z.strictObject({
  kind: z.literal('candidates'),
  /** float [1, N, V] (`rows`) or [1, V, N] (`columns`): V = box, objectness where `hasObjectness`, then a score per class */
  table: z.string(),
  candidatesAre: z.enum(['rows', 'columns']),
  boxFormat: z.enum(['cxcywh', 'xyxy']),
  /** Scores of classes are multiplied by it. */
  hasObjectness: z.boolean().default(false),
  ...suppression,
});

/** One table of final boxes, float [1, N, 6]: xyxy in network px, score, class. Rows of score 0 are filling. */
const finalTableOutputs = z.strictObject({ kind: z.literal('finalTable'), table: z.string() });

export const modelInputSchema = z.discriminatedUnion('kind', [frameInput, imageInput]);
export const modelOutputsSchema = z.discriminatedUnion('kind', [
  finalOutputs,
  regionOutputs,
  candidateOutputs,
  finalTableOutputs,
]);

/** What a model file takes and returns, alone: the file that `plumbline model adopt --io` reads. */
export const modelIoSchema = z.strictObject({ input: modelInputSchema, outputs: modelOutputsSchema });

const modelFile = z.strictObject({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().nonnegative(),
  /** What it was written for: `portable`, `tensorrt`, `cpu-x64`, `cpu-arm64`. */
  target: z.enum(['portable', 'tensorrt', 'cpu-x64', 'cpu-arm64']).optional(),
  /** Where this file takes or returns something else than the manifest's own `input` and `outputs` say. */
  input: modelInputSchema.optional(),
  outputs: modelOutputsSchema.optional(),
});

/**
 * `manifest.json` of a model folder. Class ids are 0-based positions in `classes`; `sha256` covers the named files.
 * Exported graphs take a uint8 frame [1, H, W, 3] RGB of any size and return final boxes in source pixels; `input` and
 * `outputs` describe others.
 */
export const modelManifestSchema = z.strictObject({
  schema: z.literal('plumbline.model/1'),
  id: z.string().min(1),
  version: z.string().min(1),
  architecture: z.string().min(1),
  classes: z.array(z.string().min(1)).min(1),
  scoreThreshold: z.number().min(0).max(1),
  input: modelInputSchema,
  outputs: modelOutputsSchema,
  files: z.record(z.string(), modelFile),
  trainingRunId: z.string().optional(),
  license: z.string().optional(),
});

export type ModelManifest = z.infer<typeof modelManifestSchema>;
export type ModelInput = z.infer<typeof modelInputSchema>;
export type FrameInput = z.infer<typeof frameInput>;
export type ImageInput = z.infer<typeof imageInput>;
export type ModelIo = z.infer<typeof modelIoSchema>;
export type ModelOutputs = z.infer<typeof modelOutputsSchema>;
export type Suppression = { readonly nmsIou: number; readonly maxDetections: number };
export type ModelTarget = NonNullable<ModelManifest['files'][string]['target']>;
