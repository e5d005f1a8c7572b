import type { PlumblineError, VisionResult } from '@plumbline/contract';
import type { Detection } from '@plumbline/core/geometry';
import type { CapturedFrame, SkippedFrame } from '../capture/index.js';
import type { DropReason } from '../decide/index.js';
import type { Inspection } from '../inspection.js';
import type { SharedImage } from './shared-image.js';

export type Stage = 'acquire' | 'wait' | 'preprocess' | 'inference' | 'postprocess' | 'decide' | 'store';

/** One frame with its stored verdict, or stored failure. */
export interface InspectedFrame {
  readonly inspection: Inspection;
  /** Detections that a rule counted; empty when the part is OK or inspecting failed. */
  readonly counted: readonly Detection[];
  /** The record as it was stored and will be sent: the operator sees what the MES gets. */
  readonly result: VisionResult;
  /** Frame complete to verdict stored, ms. */
  readonly latencyMs: number;
  /** Pixels for the operator; null when they were lost with a failed detector. Retain to keep them after the call. */
  readonly image: SharedImage | null;
}

/** What a pipeline tells the process around it. No method may throw or wait. */
export interface PipelineObserver {
  frameArrived(frame: CapturedFrame): void;
  frameSkipped(skipped: SkippedFrame): void;
  frameDropped(reason: DropReason): void;
  inspected(frame: InspectedFrame): void;
  stageTaken(stage: Stage, ms: number): void;
  cameraUp(): void;
  cameraDown(error: PlumblineError | Error): void;
  /** The source has delivered its last frame. */
  sourceEnded(): void;
  inspectionFailed(error: unknown): void;
  /** The store refused a verdict; it is tried again. */
  storeFailed(error: unknown): void;
  storeWorks(): void;
}
