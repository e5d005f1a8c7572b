import type { CocoDetections, CocoGroundTruth } from '../eval/coco-tables.js';

/** One evaluation, as the caller knows it. */
export interface EvaluationRecord {
  /** Which model, e.g. `pcb-defects-nano 1.0.0`, or the detections file. */
  readonly modelId: string;
  /** Which images, e.g. `deeppcb:DIR#val-report`. */
  readonly dataset: string;
  /** Protocol of the figures that the caller publishes; this report's own figures are always COCO's. */
  readonly protocol: string;
  /** When it was evaluated, as it shall be printed, e.g. `2026-11-27 09:30 UTC`. */
  readonly evaluatedAt: string;
  /** Score, 0..1, from which on a detection counts as a call. */
  readonly scoreThreshold: number;
  readonly groundTruth: CocoGroundTruth;
  readonly detections: CocoDetections;
  /** Image id -> image file, for the galleries; images that are not listed get none. */
  readonly imageFiles?: ReadonlyMap<number, string>;
}
