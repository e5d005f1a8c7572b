import { statSync } from 'node:fs';
import { join } from 'node:path';
import { PlumblineError } from '@plumbline/contract';
import type { Dataset } from '@plumbline/data/dataset';
import type { CocoDetections, CocoGroundTruth, CocoResult } from '@plumbline/data/eval';
import type { EvaluationRecord } from '@plumbline/data/report';
import { openModel } from './open-model.js';
import { parseScore } from './option-values.js';
import { Progress, utcMinute } from './output.js';
import { writeOutput } from './output-file.js';

/** Options of `plumbline eval` that concern the report. */
export interface ReportOptions {
  readonly html?: string;
  readonly images?: string;
  readonly compare?: string;
  readonly score?: string;
  readonly protocol: string;
}

/** A report to write, its options checked. */
export interface ReportRequest {
  readonly html: string;
  /** Folder of the images that the ground truth names. */
  readonly imagesDir?: string;
  /** A COCO results file, or a model of any form, to compare with. */
  readonly compare?: string;
  /** 0..1 */
  readonly scoreThreshold: number;
  readonly protocol: string;
}

const defaultScore = '0.5';

/**
 * @param options `gt` tells whether two files are evaluated
 * @returns undefined when no report is asked for
 * @throws {PlumblineError} PLB_CLI_USAGE for an option that would do nothing
 */
export function checkReportOptions(options: ReportOptions & { gt?: string }): ReportRequest | undefined {
  const { html, images, compare, score, protocol, gt } = options;
  const usage = (problem: string, accepted: string) => new PlumblineError('PLB_CLI_USAGE', { problem, accepted });
  if (html === undefined) {
    if (images || compare || score)
      throw usage('--images, --compare and --score belong to the report', 'them together with --html FILE');
    return undefined;
  }
  if (images && !gt) throw usage('--images belongs to --gt', '--data SPEC, which names the images itself');
  if (images && !statSync(images, { throwIfNoEntry: false })?.isDirectory())
    throw usage(`--images is "${images}"`, 'the folder in which the images of the ground truth lie');
  if (compare && gt && !isResultsFile(compare))
    throw usage(`--compare is "${compare}"`, 'a COCO results file (.json) where --gt and --dt are evaluated');
  return {
    html,
    scoreThreshold: parseScore(score ?? defaultScore, '--score'),
    protocol,
    ...(images && { imagesDir: images }),
    ...(compare && { compare }),
  };
}

const isResultsFile = (path: string) => path.endsWith('.json');

/** Writes the report on detections that were read from files. */
export async function writeFilesReport(
  request: ReportRequest,
  files: { readonly gt: string; readonly dt: string },
  groundTruth: CocoGroundTruth,
  detections: CocoDetections,
): Promise<void> {
  const { readCocoDetections, readCocoImageNames } = await import('@plumbline/data/eval');
  const { imagesDir, compare } = request;
  const names = imagesDir === undefined ? undefined : await readCocoImageNames(files.gt);
  const imageFiles = names && new Map([...names].map(([id, name]) => [id, join(imagesDir!, name)]));
  const common = { ...recordOf(request, files.gt, groundTruth), ...(imageFiles && { imageFiles }) };
  const first = { ...common, modelId: files.dt, detections };
  const second = compare && {
    ...common,
    modelId: compare,
    detections: await readCocoDetections(compare, groundTruth),
  };
  await writeReport(request, first, second || undefined);
}

/** Writes the report on a model that ran over a dataset; the model to compare with runs here. */
export async function writeModelReport(
  request: ReportRequest,
  dataset: Dataset,
  model: Readonly<Record<string, unknown>>,
  results: readonly CocoResult[],
): Promise<void> {
  const { detectionTable, groundTruthOfDataset } = await import('@plumbline/data/eval');
  const groundTruth = groundTruthOfDataset(dataset);
  const imageFiles = new Map(dataset.samples.map(({ imageId, file }) => [imageId, file]));
  const common = { ...recordOf(request, dataset.name, groundTruth), imageFiles };
  const first = { ...common, modelId: nameOfModel(model), detections: detectionTable(results, groundTruth) };
  const { compare } = request;
  const second = compare && { ...common, ...(await detectionsOf(compare, dataset, groundTruth)) };
  await writeReport(request, first, second || undefined);
}

async function detectionsOf(
  compare: string,
  dataset: Dataset,
  groundTruth: CocoGroundTruth,
): Promise<Pick<EvaluationRecord, 'modelId' | 'detections'>> {
  const { detectDataset, detectionTable, readCocoDetections } = await import('@plumbline/data/eval');
  if (isResultsFile(compare)) return { modelId: compare, detections: await readCocoDetections(compare, groundTruth) };
  const model = await openModel('eval', compare);
  try {
    const progress = new Progress('compare', dataset.samples.length, 'images');
    const { results } = await detectDataset(dataset, model, (done) => progress.update(done));
    return { modelId: nameOfModel(model.facts), detections: detectionTable(results, groundTruth) };
  } finally {
    await model.dispose();
  }
}

/** `pcb-defects-nano 1.0.0 (models/pcb-defects-nano)`, or the run of a checkpoint. */
function nameOfModel({ id, version, runId, step, path }: Readonly<Record<string, unknown>>): string {
  const name = id === undefined ? `run ${runId}, step ${step}` : `${id} ${version}`;
  return `${name} (${path})`;
}

function recordOf({ protocol, scoreThreshold }: ReportRequest, dataset: string, groundTruth: CocoGroundTruth) {
  const evaluatedAt = utcMinute(new Date());
  return { dataset, protocol, evaluatedAt, scoreThreshold, groundTruth };
}

async function writeReport({ html }: ReportRequest, first: EvaluationRecord, second?: EvaluationRecord): Promise<void> {
  const { renderComparison, renderReport } = await import('@plumbline/data/report');
  const text = second ? await renderComparison(first, second) : await renderReport(first);
  await writeOutput(html, text);
}
