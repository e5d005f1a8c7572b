import type { Dataset } from '@plumbline/data/dataset';
import type { CocoEvaluation, CocoResult, EvaluatedDetector } from '@plumbline/data/eval';

export interface ModelEvaluation extends Pick<CocoEvaluation, 'stats' | 'perIou' | 'perClass'> {
  /** Every detection, as a COCO results file holds them. */
  results: CocoResult[];
  /** From decoded frame to final boxes. */
  imagesPerSecond: number;
}

/** Runs a detector over a dataset and measures it by COCO's protocol. */
export async function evaluateModel(
  detector: EvaluatedDetector,
  dataset: Dataset,
  onProgress?: (done: number, total: number) => void,
): Promise<ModelEvaluation> {
  const { detectDataset, detectionTable, evaluateCoco, groundTruthOfDataset } = await import('@plumbline/data/eval');
  const { results, imagesPerSecond } = await detectDataset(dataset, detector, onProgress);
  const groundTruth = groundTruthOfDataset(dataset);
  const { stats, perIou, perClass } = evaluateCoco(groundTruth, detectionTable(results, groundTruth));
  return { stats, perIou, perClass, results, imagesPerSecond };
}
