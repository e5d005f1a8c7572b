import type { Detection } from '@plumbline/core/geometry';

/** How one frame was judged. */
export type Outcome =
  | {
      readonly state: 'completed';
      readonly evaluation: 'OK' | 'NotOK' | 'NotDecidable';
      /** Every detection of the frame, by descending score. */
      readonly detections: readonly Detection[];
      /** Names of the rules that made it NotOK. */
      readonly triggeredRules: readonly string[];
    }
  /** Inspecting failed: no verdict exists, the part must not pass as OK. */
  | { readonly state: 'failed'; readonly code: string; readonly message: string };

/** One inspected frame: what the pipeline hands to the outbox and to the operator feed. Times are Unix epoch ms. */
export interface Inspection {
  readonly sourceId: string;
  readonly frame: {
    readonly frameId: string;
    readonly cameraId: string;
    readonly width: number;
    readonly height: number;
    readonly capturedAtMs: number;
    readonly acquisitionMs: number;
  };
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly model: { readonly id: string; readonly version: string; readonly sha256: string };
  readonly jobId: string;
  readonly recipeId: string;
  readonly configurationId: string;
  readonly isSimulated: boolean;
  readonly outcome: Outcome;
}
