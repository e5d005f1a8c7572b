import { z } from 'zod';

export const errorReportSchema = z.object({ code: z.string(), message: z.string(), help: z.string() });

const connectionState = z.enum(['connected', 'connecting', 'disconnected', 'disabled']);

/** One present problem of the line: a coded error with the time since when it holds. */
export const problemSchema = errorReportSchema.extend({ sinceMs: z.int(), source: z.string() });

/** `GET /api/status` and the `status` message of the feed. Times are Unix epoch ms, durations ms. */
export const lineStatusSchema = z.object({
  lineId: z.string(),
  /** Wall clock of the daemon when this snapshot was made. */
  nowMs: z.int(),
  startedAtMs: z.int(),
  /** `stopping` after SIGTERM; `degraded` runs with a present problem; `failed` inspects nothing. */
  state: z.enum(['starting', 'running', 'degraded', 'idle', 'failed', 'stopping']),
  demo: z.boolean(),
  recipe: z.object({ id: z.string(), configurationId: z.string() }),
  model: z.object({
    id: z.string(),
    version: z.string(),
    sha256: z.string(),
    executionProvider: z.string(),
    classes: z.array(z.string()),
    scoreThreshold: z.number(),
  }),
  /** What makes a part NotOK; `anyOf` holds class names or '*'. */
  rules: z.array(z.object({ name: z.string(), anyOf: z.array(z.string()), minScore: z.number() })).optional(),
  counts: z.object({
    frames: z.int(),
    inspected: z.int(),
    ok: z.int(),
    notOk: z.int(),
    notDecidable: z.int(),
    /** Frames that gave no verdict because reading or inspecting them failed. */
    triggerErrors: z.int(),
    dropped: z.record(z.string(), z.int()),
  }),
  yieldTarget: z.number(),
  /** Defect classes by number of detections that made a part NotOK, most frequent first. */
  pareto: z.array(z.object({ class: z.string(), count: z.int() })),
  /** One entry per minute, oldest first, at most 60. */
  yieldTrend: z.array(z.object({ minuteMs: z.int(), total: z.int(), ok: z.int() })),
  camera: z.object({ state: z.enum(['up', 'down', 'degraded']), framesPerSecond: z.number(), id: z.string() }),
  /** Capture to verdict, over the last minute; null before the first frame. */
  latencyMs: z.object({ p50: z.number(), p95: z.number(), p99: z.number() }).nullable(),
  outbox: z.object({
    depth: z.int(),
    lastSeq: z.string(),
    epoch: z.string(),
    oldestAgeMs: z.int().nullable(),
    published: z.int(),
  }),
  broker: z.object({
    state: connectionState,
    url: z.string(),
    sinceMs: z.int().nullable(),
    protocol: z.string().nullable(),
  }),
  disk: z.object({ freeBytes: z.int().nullable(), usedByStoreBytes: z.int().nullable() }),
  problems: z.array(problemSchema),
});

export type LineStatus = z.infer<typeof lineStatusSchema>;
export type Problem = z.infer<typeof problemSchema>;
