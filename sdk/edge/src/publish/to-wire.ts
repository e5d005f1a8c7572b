import {
  ResultEvaluation,
  ResultState,
  type VisionEvent,
  type VisionResult,
  type WireDetection,
} from '@plumbline/contract';
import type { Detection } from '@plumbline/core/geometry';
import type { Inspection } from '../inspection.js';
import type { EventDraft } from './outbox-types.js';

/** Identity of one record in the delivery stream, given when it is stored. */
export interface WireIdentity {
  /** UUIDv7. */
  readonly id: string;
  readonly sourceId: string;
  readonly epoch: string;
  readonly seq: number;
}

/**
 * Turns an inspection into the payload of `.../_vision_v1/result`: the only place where internal names and units become
 * wire names. `timestamp_ms` is the moment of capture, `creationTime` the moment of the verdict. A failed inspection
 * has no verdict: `resultState` Failed, `resultEvaluation` Undefined.
 */
export function toWireResult(inspection: Inspection, identity: WireIdentity): VisionResult {
  const { frame, outcome } = inspection;
  const codes = outcome.state === 'completed' ? outcome.triggeredRules : [outcome.code];
  return {
    schema: 'vision.result/1',
    resultId: identity.id,
    sourceId: identity.sourceId,
    epoch: identity.epoch,
    seq: String(identity.seq),
    timestamp_ms: Math.round(frame.capturedAtMs),
    jobId: inspection.jobId,
    isPartial: false,
    resultState: outcome.state === 'completed' ? ResultState.Completed : ResultState.Failed,
    resultEvaluation: outcome.state === 'completed' ? ResultEvaluation[outcome.evaluation] : ResultEvaluation.Undefined,
    ...(codes.length > 0 ? { resultEvaluationCode: codes.join(',') } : {}),
    internalRecipeId: inspection.recipeId,
    internalConfigurationId: inspection.configurationId,
    creationTime: new Date(inspection.finishedAtMs).toISOString(),
    isSimulated: inspection.isSimulated,
    processingTimes: {
      startTime: inspection.startedAtMs,
      endTime: inspection.finishedAtMs,
      acquisitionDuration: Math.max(0, frame.acquisitionMs),
      processingDuration: Math.max(0, inspection.finishedAtMs - inspection.startedAtMs),
    },
    resultContent: {
      frameId: frame.frameId,
      cameraId: frame.cameraId,
      image: { width: frame.width, height: frame.height },
      model: { ...inspection.model },
      detections: outcome.state === 'completed' ? toWireDetections(outcome.detections) : [],
    },
  };
}

/** Turns an event draft into the payload of `.../_vision_v1/event`. */
export function toWireEvent(draft: EventDraft, identity: WireIdentity): VisionEvent {
  return {
    schema: 'vision.event/1',
    eventId: identity.id,
    sourceId: identity.sourceId,
    epoch: identity.epoch,
    seq: String(identity.seq),
    timestamp_ms: Math.round(draft.timestampMs),
    type: draft.type,
    data: { ...draft.data },
  };
}

/** Corners become top left, width and height; px rounded to 0.001 and confidence to 1e-6, far below what they resolve. */
export function toWireDetections(detections: readonly Detection[]): WireDetection[] {
  return detections.map(({ classId, className, score, boxXyxy: [x1, y1, x2, y2] }, detectionId) => ({
    detectionId,
    classId,
    class: className,
    confidence: round(Math.min(1, Math.max(0, score)), 1e6),
    bbox: {
      x: round(x1, 1e3),
      y: round(y1, 1e3),
      width: round(Math.max(0, x2 - x1), 1e3),
      height: round(Math.max(0, y2 - y1), 1e3),
    },
  }));
}

function round(value: number, scale: number): number {
  return Math.round(value * scale) / scale;
}
