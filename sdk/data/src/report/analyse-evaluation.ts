import { type CocoEvaluation, evaluateCoco } from '../eval/evaluate-coco.js';
import {
  analyseTide,
  type BoxMatches,
  type Calibration,
  type ConfusionMatrix,
  calibrate,
  confusionMatrix,
  type LocalisationHistogram,
  localisationHistogram,
  matchBoxes,
  type OperatingPoint,
  type OperatingPoints,
  operatingPoints,
  type PrecisionRecallCurve,
  precisionRecallCurves,
  recallBySize,
  type SizeRange,
  type TideAnalysis,
  thresholdGrid,
} from './analysis/index.js';
import type { EvaluationRecord } from './evaluation-record.js';

/** Everything that the report shows of one evaluation. All matching is COCO's, at IoU 0.5 where none is named. */
export interface EvaluationAnalysis {
  readonly evaluation: CocoEvaluation;
  readonly curves: readonly PrecisionRecallCurve[];
  readonly matches: BoxMatches;
  readonly confusion: ConfusionMatrix;
  readonly tide: TideAnalysis;
  readonly calibration: Calibration;
  readonly operating: OperatingPoints;
  /** The operating point at the record's score threshold. */
  readonly chosen: OperatingPoint;
  readonly sizes: readonly SizeRange[];
  readonly localisation: LocalisationHistogram;
  /** [K] counts at the record's score threshold. */
  readonly perClass: readonly ClassCounts[];
}

export interface ClassCounts {
  readonly name: string;
  readonly defects: number;
  readonly found: number;
  readonly falseCalls: number;
}

/** Computes every figure of the report. */
export function analyseEvaluation(record: EvaluationRecord): EvaluationAnalysis {
  const { groundTruth, detections, scoreThreshold } = record;
  const evaluation = evaluateCoco(groundTruth, detections);
  const matches = matchBoxes(groundTruth, detections, 0.5);
  const operating = operatingPoints(groundTruth, detections, matches, thresholdGrid(scoreThreshold));
  return {
    evaluation,
    curves: precisionRecallCurves(evaluation),
    matches,
    confusion: confusionMatrix(groundTruth, detections, matches, scoreThreshold),
    tide: analyseTide(groundTruth, detections),
    calibration: calibrate(detections, matches),
    operating,
    chosen: operating.points.find((point) => point.scoreThreshold === scoreThreshold)!,
    sizes: recallBySize(groundTruth, detections, matches, scoreThreshold),
    localisation: localisationHistogram(detections, matches, scoreThreshold),
    perClass: countPerClass(record, evaluation, matches),
  };
}

function countPerClass(record: EvaluationRecord, evaluation: CocoEvaluation, matches: BoxMatches): ClassCounts[] {
  const { groundTruth, detections, scoreThreshold } = record;
  // The names of the JSON output, which tell classes of the same name apart.
  const rows = Object.keys(evaluation.perClass).map((name) => ({ name, defects: 0, found: 0, falseCalls: 0 }));
  groundTruth.categoryIndex.forEach((category, g) => {
    if (!groundTruth.isCrowd[g]) rows[category]!.defects++;
  });
  detections.categoryIndex.forEach((category, d) => {
    if (detections.scores[d]! < scoreThreshold) return;
    if (matches.gtOfDetection[d]! >= 0) rows[category]!.found++;
    else if (matches.gtOfDetection[d] === -1) rows[category]!.falseCalls++;
  });
  return rows;
}
