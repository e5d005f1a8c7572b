import { z } from 'zod';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** A file beside the record. */
const fileName = z.string().regex(/^[^/\\]+$/);

/** What an engine depends on of the device it was built on. */
export const deviceFactsSchema = z.strictObject({
  /** `10.3.0` */
  tensorrt: z.string().min(1),
  /** Name of the graphics processor, on a Jetson that of board and module. */
  gpu: z.string().min(1),
  /** CUDA compute capability, `8.7`. */
  computeCapability: z.string().regex(/^\d+\.\d+$/),
  /** `6.2`; null when this is no Jetson. */
  jetPack: z.string().nullable(),
  /** Jetson Linux, `36.4.3`; null when this is no Jetson. */
  l4t: z.string().nullable(),
});

export type DeviceFacts = z.infer<typeof deviceFactsSchema>;

/** Settings of the builder that change the engine; null leaves TensorRT's own default. */
export const engineSettingsSchema = z.strictObject({
  /** Scratch memory that a layer may use, MiB. */
  workspaceMib: z.int().positive().nullable(),
  /** 0 builds fastest, 5 searches longest. */
  optimizationLevel: z.int().min(0).max(5).nullable(),
});

export type EngineSettings = z.infer<typeof engineSettingsSchema>;

/** `<engine>.json`, beside a TensorRT engine and its wrapper: what they were built from, on what and how. */
export const engineRecordSchema = z.strictObject({
  schema: z.literal('plumbline.engine/1'),
  /** sha256 over the model's sha256, `facts` and `settings`. */
  cacheKey: sha256,
  model: z.strictObject({ file: fileName, sha256 }),
  engine: z.strictObject({ file: fileName, sha256, bytes: z.int().positive() }),
  wrapper: z.strictObject({ file: fileName, sha256 }),
  facts: deviceFactsSchema,
  settings: engineSettingsSchema,
  /** Program and arguments that built it. */
  command: z.array(z.string()).min(1),
  /** Duration of the build. */
  seconds: z.number().nonnegative(),
});

export type EngineRecord = z.infer<typeof engineRecordSchema>;
