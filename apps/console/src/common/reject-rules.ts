import type { LineStatus, WireDetection } from '@plumbline/contract';

/** Lowest confidence at which a class rejects a part; Infinity for a class that no rule names. */
export type RejectThreshold = (className: string) => number;

/** By the rules of the line; by the model's own threshold when the status names no rules. */
export function rejectThresholdOf(status: Pick<LineStatus, 'rules' | 'model'> | null): RejectThreshold {
  const rules = status?.rules;
  if (!rules) return () => status?.model.scoreThreshold ?? 0;
  return (className) => {
    const scores = rules
      .filter(({ anyOf }) => anyOf.includes('*') || anyOf.includes(className))
      .map(({ minScore }) => minScore);
    return Math.min(Number.POSITIVE_INFINITY, ...scores);
  };
}

/** The threshold that all classes share, or null when the rules treat classes differently. */
export function sharedThreshold(status: Pick<LineStatus, 'rules' | 'model'> | null): number | null {
  if (!status?.rules) return status?.model.scoreThreshold ?? 0;
  const scores = new Set(status.model.classes.map(rejectThresholdOf(status)));
  const [only] = scores;
  return scores.size === 1 && only !== undefined && Number.isFinite(only) ? only : null;
}

/** Whether a detection makes its part NG. */
export function isRejecting(detection: WireDetection, threshold: RejectThreshold): boolean {
  return detection.confidence >= threshold(detection.class);
}

/** What rejects the part comes first; within both groups the order stays. */
export function rejectingFirst(detections: readonly WireDetection[], threshold: RejectThreshold): WireDetection[] {
  const rejecting = detections.filter((detection) => isRejecting(detection, threshold));
  return [...rejecting, ...detections.filter((detection) => !isRejecting(detection, threshold))];
}
