import { iouThresholds, recallThresholds } from '../../eval/coco-grid.js';
import { type AnalysedModel, columnHead, keyPrefix, modelKey } from '../analysed-model.js';
import type { PrecisionRecallCurve } from '../analysis/index.js';
import { linePath, type PlotFrame, percentAxis, plot, px } from '../charts/plot.js';
import { percent, points } from '../format.js';
import { type Html, html } from '../html.js';
import { figureTable } from '../table.js';

/** With more classes than this only three IoUs are drawn for each, which keeps the file small. */
const maxClassesInFull = 30;
const iouText = (iouIndex: number) => iouThresholds[iouIndex]!.toFixed(2);
/** Curves with a label, which stands where precision equals recall. */
const labelled = new Set([0, 5, 8, 9]);

/** Precision over recall by class and IoU, with a switch. */
export function curvesSection(models: readonly AnalysedModel[]): Html {
  const names = models[0]!.analysis.perClass.map(({ name }) => name);
  const ious = names.length > maxClassesInFull ? [0, 5, 8] : Array.from(iouThresholds, (_, t) => t);
  // Two models are overlaid at one IoU; one model opens with the whole family.
  const openIou = models.length > 1 ? '0' : 'all';
  const nameOf = (category: number | null) => (category === null ? 'all classes' : names[category]!);
  const drawn = models.map(({ analysis }) =>
    analysis.curves.filter(({ iouIndex, precision }) => ious.includes(iouIndex) && precision.length > 0),
  );
  const description = `Precision over recall of ${models.map(({ record }) => record.modelId).join(' and ')}; the areas under the curves stand in the table.`;
  const chart = plot('pr', description, percentAxis('Recall'), percentAxis('Precision'), (frame) =>
    models.map((model, m) => drawn[m]!.map((curve) => curveGroup(frame, model, m, curve, nameOf, openIou))),
  );
  return html`<section id="curves"><h2>Precision and recall</h2>
<p>Each point is one score threshold: how many of the defects are found (to the right), and how many of the calls are right (upwards). A curve that stays at the top until far right is good; a curve for a stricter IoU lies lower because boxes must fit better.</p>
<div class="switch" hidden>
<label>Class<select><option value="mean">All classes (mean)</option>${names.map((name, k) => html`<option value="${k}">${name}</option>`)}</select></label>
<label>IoU<select><option value="all">${ious.length === 10 ? 'All ten' : 'All drawn'}</option>${ious.map((t) => html`<option value="${t}"${String(t) === openIou && html` selected`}>${iouText(t)}</option>`)}</select></label>
</div>
<div class="pair"><div>${modelKey(models, 'line')}${chart}<p class="note" role="status" data-family="CLASS: one curve for each IoU from ${iouText(ious[0]!)} (top) to ${iouText(ious.at(-1)!)} (bottom); AP stands in the table.">${openText(models, openIou, ious)}</p></div>
<div>${apTable(models, names)}</div></div></section>
${iouSection(models)}`;
}

function openText(models: readonly AnalysedModel[], openIou: string, ious: readonly number[]): string {
  if (models[0]!.analysis.operating.defects === 0) return 'There is no ground truth, so there is no curve.';
  if (openIou === 'all')
    return `All classes: one curve for each IoU from ${iouText(ious[0]!)} (top) to ${iouText(ious.at(-1)!)} (bottom).`;
  return models.map((model) => label(model, model.analysis.curves[0]!, () => 'all classes')).join('; ');
}

function label(
  model: AnalysedModel,
  { categoryIndex, iouIndex, ap }: PrecisionRecallCurve,
  nameOf: (category: number | null) => string,
): string {
  return `${keyPrefix(model)}${nameOf(categoryIndex)}, IoU ${iouText(iouIndex)}: AP ${percent(ap)}`;
}

function curveGroup(
  frame: PlotFrame,
  model: AnalysedModel,
  m: number,
  curve: PrecisionRecallCurve,
  nameOf: (category: number | null) => string,
  openIou: string,
): Html {
  const { categoryIndex, iouIndex, precision } = curve;
  const isOpen = categoryIndex === null && (openIou === 'all' || openIou === String(iouIndex));
  const d = linePath(
    frame,
    Array.from(precision, (p, r) => [recallThresholds[r]!, p] as const),
  );
  const crossing = precision.findIndex((p, r) => p <= recallThresholds[r]!);
  const at = crossing < 0 ? precision.length - 1 : crossing;
  const text =
    labelled.has(iouIndex) &&
    !isCompared(model) &&
    html`<text class="curve-label" x="${px(Math.max(frame.x(recallThresholds[at]!) - 4, frame.x(0) + 30))}" y="${px(frame.y(Math.min(recallThresholds[at]!, 0.97)) + 12)}" text-anchor="end">${iouText(iouIndex)}</text>`;
  return html`<g data-class="${categoryIndex ?? 'mean'}" data-iou="${iouIndex}" data-label="${label(model, curve, nameOf)}"${!isOpen && html` class="off"`}><path class="curve${(iouIndex === 0 || isCompared(model)) && ' lead'}${m === 1 && ' b'}" d="${d}"/>${text}</g>
`;
}

/** Curves of a comparison are all drawn strong: dash and colour tell the models apart. */
const isCompared = (model: AnalysedModel) => model.key !== '';

function apTable(models: readonly AnalysedModel[], names: readonly string[]): Html {
  const ious = models.length > 1 ? [0, 5] : [0, 2, 5, 7, 8, 9];
  const heads = [
    'Class',
    ...ious.flatMap((t) => [
      ...models.map((model) => columnHead(model, iouText(t))),
      ...(models.length > 1 ? ['B − A'] : []),
    ]),
  ];
  const rows = [null, ...names.keys()].map((category) => ({
    head: category === null ? 'All classes' : names[category]!,
    cells: ious.flatMap((iouIndex) => {
      const aps = models.map(
        ({ analysis }) => analysis.curves.find((c) => c.categoryIndex === category && c.iouIndex === iouIndex)!.ap,
      );
      return [...aps.map((ap) => percent(ap)), ...(aps.length > 1 ? [points(aps[0]!, aps[1]!)] : [])];
    }),
  }));
  return figureTable('AP (area under the curve) by class and IoU', heads, rows);
}

/** AP at each of the ten IoU thresholds. */
function iouSection(models: readonly AnalysedModel[]): Html {
  const ticks = [0.5, 0.6, 0.7, 0.8, 0.9].map((at) => ({ at, text: at.toFixed(1) }));
  const xAxis = { label: 'IoU that a box must reach', min: 0.5, max: 0.95, ticks };
  const perIou = models.map(({ analysis }) => Object.values(analysis.evaluation.perIou));
  const chart = plot(
    'ap-iou',
    `AP over IoU: ${models.map((model, m) => `${keyPrefix(model)}${percent(perIou[m]![0]!)} at 0.50, ${percent(perIou[m]![5]!)} at 0.75, ${percent(perIou[m]![9]!)} at 0.95`).join('; ')}.`,
    xAxis,
    percentAxis('AP'),
    (frame) =>
      perIou.map((values, m) => {
        if (values[0]! < 0) return null;
        const line = linePath(
          frame,
          values.map((value, t) => [iouThresholds[t]!, value] as const),
        );
        return html`<path class="curve lead${m === 1 && ' b'}" d="${line}"/>`;
      }),
  );
  const heads = ['IoU', ...models.map((model) => columnHead(model, 'AP')), ...(models.length > 1 ? ['B − A'] : [])];
  const rows = Array.from(iouThresholds, (_, t) => {
    const values = perIou.map((aps) => aps[t]!);
    const difference = values.length > 1 ? [points(values[0]!, values[1]!)] : [];
    return { head: iouText(t), cells: [...values.map((value) => percent(value)), ...difference] };
  });
  return html`<section id="iou"><h2>AP over IoU</h2><p>How AP falls when boxes must fit better. An early fall means that defects are found but their boxes are loose.</p>
<div class="pair"><div>${modelKey(models, 'line')}${chart}</div><div>${figureTable('Mean over the classes', heads, rows)}</div></div></section>`;
}
