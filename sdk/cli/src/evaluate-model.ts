import type { Dataset } from '@plumbline/data/dataset';
import type { CocoResult, EvaluatedDetector, Protocol, ProtocolOptions, ProtocolReport } from '@plumbline/data/eval';

export interface ModelEvaluation extends ProtocolReport {
  /** Every detection, as a COCO results file holds them. */
  results: CocoResult[];
  /** From decoded frame to final boxes. */
  imagesPerSecond: number;
}

/** Runs a detector over a dataset and measures it. */
export async function evaluateModel(
  detector: EvaluatedDetector,
  dataset: Dataset,
  onProgress?: (done: number, total: number) => void,
  protocol: Protocol = 'coco',
  options: ProtocolOptions = {},
): Promise<ModelEvaluation> {
  const { detectDataset, detectionTable, evaluateProtocol, groundTruthOfDataset } = await import(
    '@plumbline/data/eval'
  );
  const { results, imagesPerSecond } = await detectDataset(dataset, detector, onProgress);
  const groundTruth = groundTruthOfDataset(dataset);
  const report = await evaluateProtocol(protocol, groundTruth, detectionTable(results, groundTruth), options);
  return { ...report, results, imagesPerSecond };
}
