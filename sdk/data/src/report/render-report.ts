import { PlumblineError } from '@plumbline/contract';
import type { CocoGroundTruth } from '../eval/coco-tables.js';
import { analyseEvaluation } from './analyse-evaluation.js';
import type { AnalysedModel } from './analysed-model.js';
import type { EvaluationRecord } from './evaluation-record.js';
import type { HtmlValue } from './html.js';
import { page } from './page.js';
import { curvesSection } from './sections/curves.js';
import { disagreementsSection } from './sections/disagreements.js';
import { confusionSection, errorsSection } from './sections/errors.js';
import { gallerySection } from './sections/gallery.js';
import { operatingSection } from './sections/operating.js';
import { header, summary } from './sections/overview.js';
import { calibrationSection, localisationSection, sizesSection } from './sections/quality.js';
import { switchScript } from './switch-script.js';

/** Anchor and name of the sections that every report has, in their order. */
const commonSections: [string, string][] = [
  ['summary', 'Summary'],
  ['operating', 'Operating points'],
  ['errors', 'Where AP is lost'],
  ['confusion', 'Confusion'],
  ['curves', 'Precision and recall'],
  ['iou', 'AP over IoU'],
  ['sizes', 'Size'],
  ['fit', 'Box fit'],
  ['calibration', 'Calibration'],
];

/**
 * One evaluation as one HTML file that needs nothing else: no network, no other file, and no script to be read.
 * @returns the text of the file; with pictures below 3 MB
 * @throws {PlumblineError} PLB_DATA_IMAGE_UNREADABLE if a picture of a gallery cannot be cut out
 */
export async function renderReport(record: EvaluationRecord): Promise<string> {
  const model: AnalysedModel = { key: '', record, analysis: analyseEvaluation(record) };
  const gallery = await gallerySection(model);
  const sections = present(model, [...commonSections, ...(gallery ? pictureSections : [])]);
  const title = `Evaluation of ${record.modelId}`;
  return page(title, [header(title, [model], sections), ...commonParts([model]), gallery], switchScript);
}

const pictureSections: [string, string][] = [
  ['misses', 'Worst misses'],
  ['false-calls', 'Worst false calls'],
];

/**
 * Two evaluations on the same ground truth side by side, with differences and the images on which they disagree.
 * @throws {PlumblineError} PLB_DATA_REPORT_TRUTH_DIFFERS, PLB_DATA_IMAGE_UNREADABLE
 */
export async function renderComparison(a: EvaluationRecord, b: EvaluationRecord): Promise<string> {
  const difference = truthDifference(a.groundTruth, b.groundTruth);
  if (difference) throw new PlumblineError('PLB_DATA_REPORT_TRUTH_DIFFERS', { a: a.dataset, b: b.dataset, difference });
  const first: AnalysedModel = { key: 'A', record: a, analysis: analyseEvaluation(a) };
  const second: AnalysedModel = { key: 'B', record: b, analysis: analyseEvaluation(b) };
  const models = [first, second];
  const sections = present(first, [...commonSections, ['disagreements', 'Disagreements']]);
  const title = `Comparison of ${a.modelId} with ${b.modelId}`;
  return page(
    title,
    [header(title, models, sections), ...commonParts(models), await disagreementsSection(first, second)],
    switchScript,
  );
}

function commonParts(models: readonly AnalysedModel[]): HtmlValue[] {
  return [
    summary(models),
    operatingSection(models),
    errorsSection(models),
    confusionSection(models),
    curvesSection(models),
    sizesSection(models),
    localisationSection(models),
    calibrationSection(models),
  ];
}

/** Without ground truth there are no sizes. */
function present({ analysis }: AnalysedModel, sections: [string, string][]): [string, string][] {
  return sections.filter(([id]) => id !== 'sizes' || analysis.sizes.length > 0);
}

/** What differs first, or undefined. */
function truthDifference(a: CocoGroundTruth, b: CocoGroundTruth): string | undefined {
  const equal = (x: ArrayLike<number>, y: ArrayLike<number>) =>
    x.length === y.length && Array.prototype.every.call(x, (value, i) => value === y[i]);
  if (!equal(a.imageIds, b.imageIds)) return `${a.imageIds.length} and ${b.imageIds.length} images, not the same ids`;
  const names = ({ categories }: CocoGroundTruth) => categories.map(({ id, name }) => `${id} ${name}`).join(', ');
  if (names(a) !== names(b)) return `classes ${names(a)} and ${names(b)}`;
  const isSame =
    equal(a.imageIndex, b.imageIndex) &&
    equal(a.categoryIndex, b.categoryIndex) &&
    equal(a.boxesXywh, b.boxesXywh) &&
    equal(a.isCrowd, b.isCrowd);
  return isSame ? undefined : `${a.imageIndex.length} and ${b.imageIndex.length} boxes, not the same`;
}
